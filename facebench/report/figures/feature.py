"""Scatter plot of projected features, a point for each test image, coloured by its label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from facebench.report.figures.drawing import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINT: dict[str, Any] = {"s": 7, "linewidths": 0, "alpha": 0.8}


def draw_features(
    path: Path,
    points: npt.NDArray[np.float64],
    labels: npt.NDArray[np.float64],
    *,
    names: Sequence[str],
    by: str,
    title: str,
) -> None:
    """Draw points, in a colour for each class or on a scale of numbers.

    Args:
        path: ``.png`` or ``.svg``.
        points: ``[N, 2]`` projected features.
        labels: ``[N]``: class indices if there are names, else numbers.
        names: Names of the classes, in order; empty for numbers.
        by: Name of the labels.
        title: Title of the figure.

    Raises:
        SpecError: See :func:`facebench.report.figures.drawing.draw`, as for the next.
        FacebenchError: matplotlib is not installed.
    """

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        if names:
            _paint_classes(axes, points, labels, names)
        else:
            dots = axes.scatter(points[:, 0], points[:, 1], c=labels, cmap="viridis", **_POINT)
            figure.colorbar(dots, ax=axes, label=by, shrink=0.8)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(title, fontsize=9)

    draw(path, (6.2, 4.8), paint)


def _paint_classes(
    axes: Axes,
    points: npt.NDArray[np.float64],
    labels: npt.NDArray[np.float64],
    names: Sequence[str],
) -> None:
    for number, name in enumerate(names):
        of_class = labels == number
        shown = points[of_class]
        axes.scatter(shown[:, 0], shown[:, 1], color=f"C{number % 10}", **_POINT,
                     label=f"{name} ({int(of_class.sum()):,})")  # fmt: skip
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False,
                markerscale=2)  # fmt: skip
