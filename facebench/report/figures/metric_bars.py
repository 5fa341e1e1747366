"""Bars of several metrics side by side, with intervals where there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from facebench.report.figures.style import place_legend, small

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HATCHES = ("", "////", "....", "xxxx")  # bars are told apart without colour, too

Ends = tuple[float | None, float | None]


@dataclass(frozen=True)
class Bars:
    """One colour: a value at each position.

    Args:
        name: Name in the legend.
        values: Values on the printed scale; NaN leaves a gap.
        intervals: ``(low, high)`` at each position; empty for none.
    """

    name: str
    values: Sequence[float]
    intervals: Sequence[Ends] = field(default=())


def paint_bars(
    axes: Axes, titles: Sequence[str], series: Sequence[Bars], floors: Mapping[str, Sequence[float]]
) -> None:
    """Draw bars in groups, and baselines as lines across each group.

    Args:
        axes: Axes to draw on.
        titles: Titles of the groups.
        series: One for each colour; as many values as titles.
        floors: Name and values of each baseline.
    """
    from matplotlib.patheffects import withStroke

    places, width = np.arange(len(titles)), 0.8 / len(series)
    for number, bars in enumerate(series):
        left = places + (number - (len(series) - 1) / 2) * width
        axes.bar(left, bars.values, 0.92 * width, color=f"C{number}", label=bars.name,
                 hatch=_HATCHES[number % len(_HATCHES)], edgecolor="white",
                 linewidth=0)  # fmt: skip
        for at, value, ends in zip(left, bars.values, bars.intervals, strict=False):
            low, high = ends
            if low is not None and high is not None and not np.isnan(value):
                axes.plot([at, at], [low, high], color="black", linewidth=1)
    for style, (name, heights) in zip(("-", ":", "-."), floors.items(), strict=False):
        label = name if any(heights) else f"{name}: 0"  # which lies on the axis and is not seen
        for group, height in enumerate(heights):
            axes.plot([group - 0.45, group + 0.45], [height, height], color="black", linewidth=1.2,
                      linestyle=style, label=label if group == 0 else None,
                      path_effects=[withStroke(linewidth=2.6, foreground="white")])  # fmt: skip
    crowded = small(axes.figure) and len(titles) > 6
    axes.set_xticks(places, titles, rotation=60 if crowded else 0)
    axes.grid(visible=True, axis="y")
    place_legend(axes)
