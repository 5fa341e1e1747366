"""Figures of several results: a function for each command of ``facebench figure``.

Results are given one by one, or as folders of them. Each function takes the file to write, whose
name ends in .png or .svg, and returns it; see :mod:`facebench.api.figures`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from facebench.api.figures import Stored
from facebench.api.results import Results
from facebench.errors import StageError
from facebench.report.board.model import Board
from facebench.report.entries import stored_results
from facebench.report.figures.competitors import panels
from facebench.report.figures.compute import check_cost, score_against_compute
from facebench.report.figures.critical import critical_diagram
from facebench.report.figures.drawing import check_target, write
from facebench.report.figures.forest import PAGE, forest
from facebench.report.figures.labels import label_curves
from facebench.report.figures.ranks import rank_slopes
from facebench.report.figures.roc import det_curves, roc_curves
from facebench.report.figures.style import width_named
from facebench.report.figures.title import check_kind
from facebench.results.store import Result, read_result

_log = logging.getLogger(__name__)

Several: TypeAlias = Stored | Sequence[Stored]


def gathered(results: Several, tasks: Sequence[str] = ()) -> list[Result]:
    """Return results that are given as such, by their JSON files, or by folders of them.

    Args:
        results: One or several.
        tasks: Names of tasks, of whose results alone they are; empty for all.

    Raises:
        StageError: There is no file or folder, no result, or none of this format.
        UnknownNameError: There is no result of a task.
    """
    found: list[Result] = []
    for one in [results] if isinstance(results, (Result, str, Path)) else results:
        if isinstance(one, Result):
            found.append(one)
        else:
            path = Path(one)
            found += stored_results(path) if path.is_dir() else [read_result(path)]
    if not found:
        raise StageError("found no result to draw; facebench run writes some.")
    return [*Results(found).select(tasks=tasks)]


def draw_roc(
    results: Several,
    out: str | Path,
    *,
    protocol: str = "validated",
    log: bool | None = None,
    width: str = "",
    tasks: Sequence[str] = (),
) -> Path:
    """Draw ROC curves of verification results, with marks at TAR@FAR: ``facebench figure roc``.

    Args:
        results: Results of one task, their JSON files, or folders of them; a curve for each.
        out: The file to draw.
        protocol: ``validated`` or ``test-selected``; also ``honest`` or ``paper``, as in files.
        log: Whether false acceptance rates are on a logarithmic axis; by default of several.
        width: ``screen``, or a column of a paper.
        tasks: Names of tasks, of whose results alone it is; empty for all.

    Raises:
        UnknownNameError: There is no result of a task.
        DataError: One is no verification result, or they are not comparable.
    """
    check_target(Path(out))
    found = gathered(results, tasks)
    wanted = len(found) > 1 if log is None else log
    return write(roc_curves(found, check_kind(protocol), log=wanted), Path(out), width)


def draw_det(
    results: Several,
    out: str | Path,
    *,
    protocol: str = "validated",
    width: str = "",
    tasks: Sequence[str] = (),
) -> Path:
    """Draw DET curves of verification results: ``facebench figure det``.

    Args:
        results: Results of one task, their JSON files, or folders of them; a curve for each.
        out: The file to draw.
        protocol: ``validated`` or ``test-selected``; also ``honest`` or ``paper``, as in files.
        width: ``screen``, or a column of a paper.
        tasks: Names of tasks, of whose results alone it is; empty for all.

    Raises:
        UnknownNameError: There is no result of a task.
        DataError: One is no verification result, or they are not comparable.
    """
    check_target(Path(out))
    return write(det_curves(gathered(results, tasks), check_kind(protocol)), Path(out), width)


def draw_labels(results: Several, out: str | Path, *, width: str = "") -> Path:
    """Draw accuracy against the number of labelled images: ``facebench figure labels``.

    Args:
        results: Results of ``probe="fewshot"``, or their JSON files, of one task; a curve for each.
        out: The file to draw.
        width: ``screen``, or a column of a paper.

    Raises:
        DataError: There is none, one is of another probe, or they are of several tasks.
    """
    check_target(Path(out))
    records = [result.record for result in gathered(results)]
    return write(label_curves(records), Path(out), width)


def draw_forest(
    results: Several, out: str | Path, *, width: str = "", tasks: Sequence[str] = ()
) -> Path:
    """Draw the score of each method with its interval, task by task: ``facebench figure forest``.

    A warning says that several tasks together are higher than a page.

    Args:
        results: Results, their JSON files, or folders of them.
        out: The file to draw.
        width: ``screen``, or a column of a paper.
        tasks: Names of tasks, of whose results alone it is; empty for all.

    Raises:
        UnknownNameError: There is no result of a task.
        DataError: There is no result.
    """
    check_target(Path(out))
    shown = panels(gathered(results, tasks), "forest")
    drawing = forest(shown)
    written = write(drawing, Path(out), width)
    _, height = drawing.shape(width_named(width))
    if height > PAGE and len(shown) > 1:
        _log.warning(
            "figure forest: %.0f inches high, more than a page; --task NAME (tasks= in Python) "
            "draws one task, and facebench figure all each by itself",
            height,
        )
    return written


def draw_compute(
    results: Several,
    out: str | Path,
    *,
    by: str = "images",
    width: str = "",
    tasks: Sequence[str] = (),
) -> Path:
    """Draw scores against what learning cost: ``facebench figure compute``.

    Args:
        results: Results, their JSON files, or folders of them.
        out: The file to draw.
        by: ``images`` seen, or ``seconds``.
        width: ``screen``, or a column of a paper.
        tasks: Names of tasks, of whose results alone it is; empty for all.

    Raises:
        UnknownNameError: There is no such unit, or no result of a task.
        DataError: Nothing was learned.
    """
    check_target(Path(out))
    cost = check_cost(by)
    shown = panels(gathered(results, tasks), "compute")
    return write(score_against_compute(shown, cost), Path(out), width)


def draw_critical(results: Several, out: str | Path, *, width: str = "") -> Path:
    """Draw the critical-difference diagram over tasks: ``facebench figure critical``.

    Args:
        results: Results, their JSON files, or folders of them.
        out: The file to draw.
        width: ``screen``, or a column of a paper.

    Raises:
        DataError: There are too few methods or tasks; the message says how many are needed.
    """
    check_target(Path(out))
    return write(critical_diagram(boards_of(gathered(results))), Path(out), width)


def boards_of(results: Sequence[Result]) -> Sequence[Board]:
    """Return the boards of a leaderboard of results, real data first."""
    return Results(results).board().boards


def draw_ranks(results: Several, out: str | Path, *, width: str = "") -> Path:
    """Draw ranks on rendered faces beside those on real ones: ``facebench figure ranks``.

    Args:
        results: Results, their JSON files, or folders of them.
        out: The file to draw.
        width: ``screen``, or a column of a paper.

    Raises:
        DataError: There is no task with three or more methods on both kinds of data.
    """
    check_target(Path(out))
    return write(rank_slopes(panels(gathered(results), "ranks")), Path(out), width)
