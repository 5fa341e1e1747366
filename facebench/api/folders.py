"""Folders of results: check them, bring them together, publish them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from facebench.api.places import paths
from facebench.errors import StageError
from facebench.registry import Registry
from facebench.report.entries import stored_results
from facebench.report.publication import filled, published
from facebench.report.publication import publish as write_files
from facebench.results.merging import Merged
from facebench.results.merging import merge as merge_folders
from facebench.results.rescored import rescore_folder
from facebench.results.submission import Submission
from facebench.results.submission import submit as submit_folder
from facebench.results.validation import Checked, validate_folder
from facebench.runtime.atomic import atomic_write


@dataclass(frozen=True)
class Publication:
    """Summary of a publication.

    Args:
        folder: Folder of the files.
        files: Names of the tables and pages in it.
        results: Number of results in them.
    """

    folder: Path
    files: tuple[str, ...]
    results: int


def validate(folder: str | Path, *, anew: bool = False) -> list[Checked]:
    """Check every result below a folder: ``facebench results validate``.

    Form, name and hashes are checked, and every score is computed again from the predictions.

    Args:
        folder: The folder.
        anew: Also compute scores of files that were found to be valid before, by their digests.

    Returns:
        Each file with what is wrong with it; without findings, it is valid.

    Raises:
        StageError: There is no such folder, or no result in it.
    """
    return list(validate_folder(Path(folder), anew=anew))


def rescore(folder: str | Path) -> list[Path]:
    """Draw the intervals of results of earlier formats again: ``facebench results rescore``.

    Their scores and predictions stay; a signature is removed.

    Args:
        folder: Folder of results.

    Returns:
        The files that were written; none if all results are of this format.

    Raises:
        StageError: There is no such folder, no result in it, or a result whose scores do not follow
            from its predictions; what was written before that stays.
    """
    return list(rescore_folder(Path(folder)))


def merge(sources: Iterable[str | Path], into: str | Path) -> Merged:
    """Copy results of some folders into another, all or none: ``facebench results merge``.

    Args:
        sources: Folders of results; every result in them is validated first.
        into: Folder to copy to; created if missing.

    Returns:
        What was copied, and what was there before.

    Raises:
        MergeError: A result is wrong or contradicts another; nothing was copied.
        StageError: A folder is missing or holds no result.
    """
    return merge_folders(list(map(Path, sources)), Path(into))


def submit(
    source: str | Path, into: str | Path, *, plugins: Sequence[str | Path] = ()
) -> Submission:
    """Prepare the folder of a results repository to be committed: ``facebench results submit``.

    Every result is validated. Names of files and people of a dataset whose licence forbids
    publishing them are replaced in the predictions and in what a result says of leaks; the result
    is sealed again and says so (``task.names``). A workflow of GitHub Actions validates the folder
    and publishes the page. All results are copied, or none.

    Args:
        source: Folder of results.
        into: The repository's folder; created if missing.
        plugins: Python files with tasks, which say what their licence allows.

    Raises:
        MergeError: A result is wrong or contradicts another; nothing was copied.
        StageError: A folder is missing or holds no result.
        UnknownNameError: A task is not known here.
    """
    registry = Registry(paths(plugins))
    return submit_folder(Path(source), Path(into), lambda name: registry.load("task", name).info)


def publish(
    results: str | Path, out: str | Path, *, documents: Sequence[str | Path] = ()
) -> Publication:
    """Write every table and the leaderboard of a folder of results: ``facebench publish``.

    Args:
        results: Folder of results.
        out: Folder of the tables and pages; the same results give the same bytes.
        documents: Markdown files whose ``<!-- published: FILE -->`` blocks are filled.

    Raises:
        StageError: A result cannot be used, a document is missing or asks for what is not there;
            nothing is written then.
    """
    root, folder = Path(results), Path(out)
    found = stored_results(root, strict=True)
    if not found:
        raise StageError(f"{root}: found no result; expected <task>/<name>.json below it.")
    files = published(found, root, folder)
    texts = {}
    for path in map(Path, documents):
        if not path.is_file():
            raise StageError(f"{path}: no such file; expected a Markdown file for --document.")
        texts[path] = filled(path.read_text(encoding="utf-8"), files, str(path))
    write_files(files, folder)
    for path, text in texts.items():
        atomic_write(path, text)
    return Publication(folder, tuple(files), len(found))
