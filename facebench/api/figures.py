"""Figures of one result, as PNG or SVG: a function for each command of ``facebench figure``.

Each takes its input and the file to write, whose name ends in .png or .svg, and returns the file;
the same input gives the same bytes. ``width`` is ``screen`` (the default), or a column of a paper:
``cvpr``, ``cvpr-wide``, ``ieee``, ``ieee-wide``; the title then stands in ``NAME.caption.txt``.
They need matplotlib (``facebench[report]``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from facebench.api.places import paths
from facebench.api.results import opened
from facebench.disentangle.disentanglement import Disentanglement
from facebench.disentangle.report import read_disentanglement
from facebench.registry import Registry
from facebench.report.figures.action import action_bars
from facebench.report.figures.confusion import confusion_matrix
from facebench.report.figures.curve import training_curves
from facebench.report.figures.drawing import write
from facebench.report.figures.heat_map import heat_map
from facebench.report.figures.probe import probe_epochs
from facebench.report.figures.style import STYLE
from facebench.report.figures.title import check_kind, figure_title
from facebench.report.figures.yaw import errors_by_yaw
from facebench.results.saved_method import saved_history
from facebench.results.store import Result

Stored: TypeAlias = Result | str | Path  # a result, or its JSON file


def figure_style() -> str:
    """Return the file of the one style of all figures, for ``matplotlib.style.use``."""
    return str(STYLE)


def draw_curves(learned: Stored, out: str | Path, *, width: str = "") -> Path:
    """Draw training curves: ``facebench figure curves``.

    Args:
        learned: A result, its JSON file, or a checkpoint's folder.
        out: The file to draw.
        width: ``screen``, or a column of a paper.

    Raises:
        StageError: There is neither at ``learned``.
        DataError: Nothing was learned.
    """
    path = learned.path if isinstance(learned, Result) else Path(learned)
    # A result says what was learned; a checkpoint's folder is known by its name.
    title = figure_title(opened(path).record) if path.suffix == ".json" else path.resolve().stem
    drawing = training_curves(saved_history(path), title)
    return write(drawing, Path(out), width)


def draw_factors(
    measured: Disentanglement | str | Path, out: str | Path, *, width: str = ""
) -> Path:
    """Draw which factor is in which feature: ``facebench figure disentanglement``.

    Args:
        measured: What :func:`facebench.measure_factors` returned, or a file of ``facebench
            disentangle --out``.
        out: The file to draw.
        width: ``screen``, or a column of a paper.

    Raises:
        StageError: The file is missing, or of another kind.
    """
    record: dict[str, Any]
    if isinstance(measured, Disentanglement):
        record = measured.record
    else:
        record = read_disentanglement(Path(measured))
    return write(heat_map(record), Path(out), width)


def draw_confusion(
    result: Stored,
    out: str | Path,
    *,
    protocol: str = "validated",
    width: str = "",
    plugins: Sequence[str | Path] = (),
) -> Path:
    """Draw the confusion matrix of a classification result: ``facebench figure confusion``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        protocol: ``validated`` or ``test-selected``; also ``honest`` or ``paper``, as in files.
        width: ``screen``, or a column of a paper.
        plugins: Python files with the task, which names the classes.

    Raises:
        DataError: It is no classification result.
    """
    record = opened(result).record
    classes = Registry(paths(plugins)).load("task", record.spec.task).info.classes
    return write(confusion_matrix(record, classes, check_kind(protocol)), Path(out), width)


def draw_actions(result: Stored, out: str | Path, *, width: str = "") -> Path:
    """Draw F1 of each action unit, with intervals and baselines: ``facebench figure actions``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        width: ``screen``, or a column of a paper.

    Raises:
        DataError: It is no multilabel result.
    """
    return write(action_bars(opened(result).record), Path(out), width)


def draw_yaw(
    result: Stored, out: str | Path, *, protocol: str = "validated", width: str = ""
) -> Path:
    """Draw the errors of head poses by how far faces are turned: ``facebench figure yaw``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        protocol: ``validated`` or ``test-selected``; also ``honest`` or ``paper``, as in files.
        width: ``screen``, or a column of a paper.

    Raises:
        DataError: It is no result of head poses.
        StageError: Its predictions are missing.
    """
    return write(errors_by_yaw(opened(result), check_kind(protocol)), Path(out), width)


def draw_probe(result: Stored, out: str | Path, *, width: str = "") -> Path:
    """Draw the probe's test score after each epoch: ``facebench figure probe``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        width: ``screen``, or a column of a paper.

    Raises:
        DataError: No probe was trained (pairs compared by cosine).
    """
    return write(probe_epochs(opened(result).record), Path(out), width)
