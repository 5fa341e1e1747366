"""Draws the intervals of stored results again, as this version draws them.

Up to format 3 each score had draws of its own, those of pairs without regard to people who are in
several. Nothing else of a result depends on the draws: its predictions and scores stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from facebench.errors import DataError, StageError
from facebench.evaluation.protocols.rescoring import (
    Judged,
    leak_free_from_predictions,
    scores_from_predictions,
)
from facebench.results.finding import find_results
from facebench.results.record import FORMAT
from facebench.results.schema import read_form
from facebench.results.score_check import recomputed
from facebench.results.scores import KINDS
from facebench.results.sealing import sealed_result
from facebench.results.store import SIGNATURE, Result, read_result
from facebench.runtime.atomic import atomic_write
from facebench.runtime.pool import TOGETHER, computed, worth_starting
from facebench.runtime.seal import SEAL
from facebench.runtime.workspace import to_json


def rescore_folder(root: Path, processes: int = 1) -> Iterator[Path]:
    """Draw the intervals of every result below a folder again, where an older format has them.

    Args:
        root: The folder.
        processes: How many compute it, if they are many.

    Yields:
        The files that were written, in the order of their paths.

    Raises:
        StageError: There is no such folder, a result was edited, or its scores do not follow from
            its predictions; what was written before that stays.
    """
    paths, _ = find_results(root)
    if not paths:
        raise StageError(f"{root}: found no result; expected some. Give another folder.")
    old = [path for path in paths if not read_result(path).record.drawn_alike]
    yield from computed(_rescored, old, worth_starting(len(old), processes), together=TOGETHER)


def _rescored(path: Path) -> Path:
    """Write a result with intervals of this version, sealed anew; its signature is removed.

    Raises:
        StageError: Its scores do not follow from its predictions.
    """
    result = read_result(path)
    try:
        content = with_new_intervals(result)
    except DataError as error:  # as of a protocol that is not installed
        raise StageError(f"{path}: {error}") from error
    whole = sealed_result(content, result.predictions_path)
    read_form(whole, path)
    path.with_suffix(SIGNATURE).unlink(missing_ok=True)
    atomic_write(path, to_json(whole))
    return path


def with_new_intervals(result: Result) -> dict[str, Any]:
    """Return the JSON of a result in this format, without a seal.

    Raises:
        StageError: Its scores do not follow from its predictions, or it does not say which.
        DataError: They cannot be scored here.
    """
    record, predictions = result.record, result.predictions
    if record.scores.without_leaks is not None and not record.scores.names_what_it_removed:
        raise StageError(
            f"{result.path}: found scores without leaks that do not say which rows were left out, "
            "as early versions wrote them; expected removed_rows. Measure it again with --force."
        )
    for found in recomputed(record, predictions, ignore={"intervals"}):
        raise StageError(
            f"{result.path}: {found.key}: found {found.left}; expected {found.right}, which "
            "follows from its predictions. Restore both files, or measure it again with --force."
        )
    plain = record.plain()
    scores = plain["scores"]
    judged = Judged(record.task.protocol[0], scores, record.spec.probe.resamples)
    _take_intervals(scores, scores_from_predictions(judged, predictions))
    if record.scores.without_leaks is not None:
        for name, level in leak_free_from_predictions(judged, predictions).items():
            _take_intervals(scores["without_leaks"][name], level)
    del plain["format"]
    return {"format": FORMAT, **{key: value for key, value in plain.items() if key != SEAL}}


def _take_intervals(stored: dict[str, Any], found: Mapping[str, Any]) -> None:
    for kind in KINDS:
        stored[kind]["intervals"] = found[kind]["intervals"]
