"""Folders that can be committed to a results repository.

Every result is validated and sealed, and has no names of files that a licence forbids; a workflow
validates the folder again, where it is published, and publishes its page.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from facebench.results.hidden_names import without_names
from facebench.results.merging import MergeError, merge
from facebench.results.store import SIGNATURE, Result, read_result, relative_path
from facebench.results.validation import Finding, validate_folder
from facebench.runtime.atomic import atomic_write
from facebench.task import TaskInfo

WORKFLOW = Path(".github/workflows/validate.yml")


@dataclass(frozen=True)
class Submission:
    """What a submission has.

    Args:
        folder: The folder.
        copied: The results that are new in it.
        skipped: Results that were in it before, by their new places.
        hidden: Those of both that have digests for file names, since a licence asks for it.
        unsigned: Those of ``hidden`` whose signature is left behind, since it is of other bytes.
        workflow: The workflow; None if there was one.
    """

    folder: Path
    copied: tuple[Path, ...]
    skipped: tuple[Path, ...]
    hidden: tuple[Path, ...]
    unsigned: tuple[Path, ...]
    workflow: Path | None


def submit(source: Path, target: Path, info_of: Callable[[str], TaskInfo]) -> Submission:
    """Copy results into the folder of a results repository, all of them or none.

    Args:
        source: Folder of results; every one is validated first.
        target: The repository's folder, made if missing; a result in it of the same name and scores
            stays, and so does a workflow.
        info_of: What a task declares, by its name.

    Raises:
        MergeError: A result is wrong, or another one has its name; nothing was copied.
        StageError: The folder has no result, or a licence forbids what a result cannot do without.
        FacebenchError: A task is not known here, so neither is its licence.
    """
    results, findings = [], list[Finding]()
    for checked in validate_folder(source):
        findings += checked.findings
        if not checked.findings:
            results.append(read_result(checked.file))
    if findings:
        raise MergeError(map(str, findings))
    hidden, unsigned = [], []
    with TemporaryDirectory(prefix="facebench-submit-") as name:
        folder = Path(name)
        for result in results:
            place = relative_path(result.spec, result.record.stages.result)
            if forbids_names(result, info_of):
                without_names(result, folder)
                hidden.append(target / place)
                if result.path.with_suffix(SIGNATURE).is_file():
                    unsigned.append(target / place)
            else:
                _copy(result, folder / place)
        merged = merge([folder], target)
        skipped = tuple(target / path.relative_to(folder) for path in merged.skipped)
    workflow = target / WORKFLOW
    written = None if workflow.exists() else workflow
    if written is not None:
        atomic_write(written, workflow_text())
    return Submission(target, merged.copied, skipped, tuple(hidden), tuple(unsigned), written)


def forbids_names(result: Result, info_of: Callable[[str], TaskInfo]) -> bool:
    """Return whether a licence forbids publishing the file names that a result has.

    Rendered faces have none, and a result that was submitted before has them no more.
    """
    task = result.record.task
    if task.synthetic or task.names is not None:
        return False
    return not info_of(task.name).names_may_be_published


def workflow_text() -> str:
    """Return the workflow of GitHub Actions that validates results and publishes the page."""
    template = files("facebench") / "templates" / "results" / "validate.yml"
    return template.read_text(encoding="utf-8")


def _copy(result: Result, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".json", ".parquet", SIGNATURE):
        if (file := result.path.with_suffix(suffix)).is_file():
            shutil.copyfile(file, place.with_suffix(suffix))
