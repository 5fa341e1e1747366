"""Forest plot: the score of each method with its interval, a panel for each task."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from textwrap import wrap
from typing import TYPE_CHECKING

from facebench.report.figures.competitors import Panel
from facebench.report.figures.drawing import Drawing
from facebench.report.figures.style import shared_legend, small

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE = 11.0  # inches of height

_LINE, _FRAME = 0.2, 0.75  # inches of a line, and of what is around a panel's rows
_NARROW, _BROAD = 30, 60  # characters of a name


def forest(panels: Sequence[Panel]) -> Drawing:
    """Return validated scores with 95 % intervals over test items, the best of each panel first.

    Baselines stand below, and the strongest of them as a line through all rows. A diamond is the
    number that a paper publishes for a method, from its own data and budget; on real data only.

    Args:
        panels: Groups of comparable results, at least one.
    """
    broad, column = ([_height(panel, width) for panel in panels] for width in (_BROAD, _NARROW))

    def paint(figure: Figure) -> None:
        heights = column if small(figure) else broad
        axes = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
        for one, panel in zip(axes, panels, strict=True):
            _paint(one, panel, _NARROW if small(figure) else _BROAD)
        shared_legend(figure, axes)

    few = len(panels) < 3
    tasks = {panel.record.task.name for panel in panels}
    counted = f"{len(tasks)} task{'s' if len(tasks) > 1 else ''}"
    title = "; ".join(panel.title for panel in panels) if few else counted
    return Drawing(
        f"{title}\nvalidated scores, 95 % intervals over test items",
        (7.4, sum(broad) + 0.6),
        paint,
        synthetic=all(panel.record.task.synthetic for panel in panels),
        column_height=sum(column) + 0.3,
    )


def _height(panel: Panel, width: int) -> float:
    """Return inches of a panel."""
    frame = _FRAME + _LINE * (len(_title(panel, width)) - 1)
    return frame + _LINE * sum(_rows(panel, width))


def _rows(panel: Panel, width: int) -> list[float]:
    """Return the height of each row as lines, more where a name has several; baselines last."""
    lines = [len(wrap(row.name, width)) for row in panel.rows]
    return [*(1 + 0.7 * (count - 1) for count in lines), *(1.0 for _ in panel.floors())]


def _title(panel: Panel, width: int) -> list[str]:
    """Return the lines of a panel's title, whose letters are larger than those of names."""
    return wrap(panel.title, width * 4 // 5)


def _paint(axes: Axes, panel: Panel, width: int) -> None:
    floors, heights = panel.floors(), _rows(panel, width)
    places = [end - height / 2 for end, height in zip(accumulate(heights), heights, strict=True)]
    for place, row in zip(places, panel.rows, strict=False):
        colour = "C0" if row.entry.pretrain_data else "0.45"
        low, high = row.ends
        axes.plot([low, high], [place, place], color=colour, linewidth=1.4)
        axes.plot([row.value], [place], "o", color=colour)
        if row.score.printed is not None:
            axes.plot([row.score.printed.value], [place], "D", color="C1", markerfacecolor="none",
                      label="published, from its own data and budget")  # fmt: skip
    for place, value in zip(places[len(panel.rows) :], floors.values(), strict=True):
        axes.plot([value], [place], "|", color="0.45", markersize=8)
    strongest = panel.floor()
    if strongest is not None:
        axes.axvline(strongest[1], color="0.45", linewidth=0.8, linestyle=":")
    names = ["\n".join(wrap(row.name, width)) for row in panel.rows]
    axes.set_yticks(places, [*names, *floors])
    axes.set_ylim(sum(heights) + 0.1, -0.1)
    axes.set_xlabel(panel.metric.title)
    axes.set_title("\n".join(_title(panel, width)), loc="left")
    axes.grid(visible=True, axis="x")
