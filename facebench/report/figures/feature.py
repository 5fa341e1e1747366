"""Scatter plot of projected features, a point for each test image, coloured by its label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from facebench.report.figures.drawing import Drawing
from facebench.report.figures.style import place_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY = 3000  # points from which each is smaller


def feature_points(
    points: npt.NDArray[np.float64],
    labels: npt.NDArray[np.float64],
    *,
    names: Sequence[str],
    by: str,
    title: str,
    synthetic: bool = False,
) -> Drawing:
    """Return points, in a colour for each class or on a scale of numbers.

    Args:
        points: ``[N, 2]`` projected features.
        labels: ``[N]``: class indices if there are names, else numbers.
        names: Names of the classes, in order; empty for numbers.
        by: Name of the labels.
        title: Title of the figure.
        synthetic: Whether the images are rendered.
    """
    # Pixels, since a path for each of thousands of points makes an SVG that nothing opens.
    many = len(points) > _MANY
    dot: dict[str, Any] = {"s": 3 if many else 7, "linewidths": 0, "alpha": 0.8, "rasterized": many}

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        if names:
            _paint_classes(axes, points, labels, names, dot)
        else:
            dots = axes.scatter(points[:, 0], points[:, 1], c=labels, **dot)
            figure.colorbar(dots, ax=axes, label=by, shrink=0.8)
        axes.set_xticks([])
        axes.set_yticks([])

    return Drawing(title, (6.2, 4.8), paint, synthetic=synthetic, below=(len(names) + 1) // 2)


def _paint_classes(
    axes: Axes,
    points: npt.NDArray[np.float64],
    labels: npt.NDArray[np.float64],
    names: Sequence[str],
    dot: dict[str, Any],
) -> None:
    for number, name in enumerate(names):
        of_class = labels == number
        shown = points[of_class]
        axes.scatter(shown[:, 0], shown[:, 1], color=f"C{number}", **dot,
                     label=f"{name} ({int(of_class.sum()):,})")  # fmt: skip
    place_legend(axes, markerscale=2)
