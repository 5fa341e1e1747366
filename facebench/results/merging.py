"""Merges results of several folders: all of them, or none if one is wrong.

Results of the same name are of the same run. If their scores and predictions are equal, the
existing one is kept; otherwise nothing is copied and the contradiction is reported.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from facebench.errors import StageError
from facebench.results.store import SIGNATURE, Result, read_result, relative_path
from facebench.results.validation import Finding, validate_folder
from facebench.runtime.atomic import atomic_file
from facebench.runtime.differences import Difference, differences

# Time, hardware and timings, which are not compared, and the seal, which depends on them; and what
# earlier versions did not state.
MEASURED_BY = frozenset(
    {
        "created", "environment", "seconds", "images_per_second", "format", "seal",
        "feature_length", "backbone_parameters", "paper_url", "code_url", "classes",
    }
)  # fmt: skip


class MergeError(StageError):
    """Results that are wrong, or that contradict each other; nothing was copied.

    Args:
        reasons: One line for each.
    """

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        lines = "\n".join(self.reasons)
        super().__init__(
            f"nothing was copied: found {len(self.reasons)} things wrong; expected none. Correct "
            f"them, or leave these results out.\n{lines}"
        )


@dataclass(frozen=True)
class Merged:
    """What a merge did.

    Args:
        copied: The results that are new in the folder.
        skipped: Those of the sources that were there before, or came twice.
    """

    copied: tuple[Path, ...]
    skipped: tuple[Path, ...]


def merge(sources: Iterable[Path], target: Path) -> Merged:
    """Copy the results of some folders into another, ``TASK/NAME.json`` below it.

    Args:
        sources: Folders of results; every result in them is validated first.
        target: Folder to copy to; created if missing. Its results are not validated.

    Raises:
        MergeError: A result is wrong, or another one has its name.
        StageError: A source is missing or has no result.
    """
    results, findings = [], list[Finding]()
    for source in sources:
        for checked in validate_folder(source):
            findings += checked.findings
            if not checked.findings:
                results.append(read_result(checked.file))
    chosen: dict[Path, Result] = {}
    skipped, conflicts = [], []
    for result in results:
        place = target / relative_path(result.spec, result.record.stages.result)
        other = chosen.get(place) or (read_result(place) if place.exists() else None)
        if other is None:
            chosen[place] = result
        elif (contradiction := contradicts(result, other)) is None:
            skipped.append(result.path)
        else:
            conflicts.append(f"{result.path} and {other.path}: {contradiction}")
    if findings or conflicts:
        raise MergeError([*map(str, findings), *conflicts])
    for place, result in chosen.items():
        _copy(result, place)
    return Merged(tuple(chosen), tuple(skipped))


def contradicts(result: Result, other: Result) -> Difference | None:
    """Return the first difference of two results of one name, but for who measured when."""
    left, right = (one.record.plain() for one in (result, other))
    for difference in differences(left, right, ignore=MEASURED_BY):
        return difference
    predictions, others = result.predictions, other.predictions
    # A column that only a later version stores (how sure a decision was) is no contradiction.
    shared = [name for name in predictions if name in others]
    if predictions[shared].equals(others[shared]):
        return None
    return Difference("the predictions", f"{len(predictions)} rows", f"{len(others)} other rows")


def _copy(result: Result, place: Path) -> None:
    """Copy predictions, then the record, so that a JSON file is never without them."""
    sources = [result.predictions_path, result.path]
    signature = result.path.with_suffix(SIGNATURE)
    if signature.is_file():
        sources.insert(0, signature)
    for source in sources:
        with atomic_file(place.with_suffix(source.suffix)) as temporary:
            shutil.copyfile(source, temporary)
