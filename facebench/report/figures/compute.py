"""Score against compute: a line for each method through its runs of several lengths."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

from facebench.config.spec import digest
from facebench.errors import DataError, UnknownNameError
from facebench.report.configurations import distinct, told_apart
from facebench.report.entries import MethodEntry
from facebench.report.figures.competitors import Panel, ScoredRow
from facebench.report.figures.drawing import Drawing
from facebench.report.figures.style import (
    characters,
    legend_lines,
    level_mark,
    line_mark,
    shared_legend,
    small,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Cost = Literal["images", "seconds"]
_PANEL, _LINE = 2.4, 0.17  # inches of a panel without its title, and of a line of text
_BESIDE = 0.6  # inches of a panel left of its axes
_COLUMN = 3.25  # inches of the narrowest column of a paper
COSTS: dict[Cost, str] = {"images": "images seen in learning", "seconds": "seconds of learning"}


def check_cost(name: str) -> Cost:
    """Return what compute is counted in.

    Raises:
        UnknownNameError: There is no such unit.
    """
    for known in COSTS:
        if name == known:
            return known
    raise UnknownNameError("unit", name, COSTS, where="--by")


def score_against_compute(panels: Sequence[Panel], cost: Cost) -> Drawing:
    """Return validated scores by what learning cost, on a logarithmic axis, with 95 % intervals.

    A line joins runs that differ in how long, and from how many images, they learned, and in
    nothing else. What learns nothing is a line across; so is the strongest baseline.

    Args:
        panels: Groups of comparable results.
        cost: Images seen, each as often as it was seen, or seconds, which are of one machine.

    Raises:
        DataError: Nothing in them was learned.
    """
    shown = [panel for panel in panels if any(spent(row.entry, cost) for row in panel.rows)]
    if not shown:
        raise DataError(
            "figure compute: found no result whose representation was learned here; expected some, "
            "of several lengths. Run a method with several --set pretrain.epochs."
        )
    names = line_names([row.entry for panel in shown for row in panel.rows])
    floors = [panel.floor() for panel in shown]
    legend = [*dict.fromkeys([*names.values(), *(floor[0] for floor in floors if floor)])]
    broad = min(3, len(shown))  # panels side by side

    def high(across: int, inches: float) -> float:
        titles = max(len(_title(panel, inches / across)) for panel in shown)
        panels = math.ceil(len(shown) / across) * (_PANEL + _LINE * titles)
        return panels + _LINE * legend_lines(legend, inches) + 0.3

    def paint(figure: Figure) -> None:
        across = 1 if small(figure) else broad
        axes = figure.subplots(math.ceil(len(shown) / across), across, squeeze=False).ravel()
        marks = _marks(shown, cost, names)
        for one, panel in zip(axes, shown, strict=False):
            _paint(one, panel, cost, names, marks)
            title = _title(panel, figure.get_figwidth() / across)
            one.set_title("\n".join(title), loc="left")
        for one in axes[len(shown) :]:
            one.set_axis_off()
        shared_legend(figure, axes[: len(shown)])

    machines = {row.entry.all_results[0].record.environment.device
                for panel in shown for row in panel.rows}  # fmt: skip
    several = ", several machines" if cost == "seconds" and len(machines) > 1 else ""
    wide = max(5.0, 3.2 * broad)
    return Drawing(
        f"validated scores by {COSTS[cost]}{several}; 95 % intervals over test items",
        (wide, high(broad, wide) + 0.3),
        paint,
        column_height=high(1, _COLUMN),
        synthetic=all(panel.record.task.synthetic for panel in shown),
    )


def _title(panel: Panel, inches: float) -> list[str]:
    """Return the lines of a panel's title, which has no more space than the panel's axes."""
    return wrap(panel.title, characters(inches - _BESIDE, 9))


def _marks(panels: Sequence[Panel], cost: Cost, names: dict[str, str]) -> dict[str, Any]:
    """Return how the line of each name looks: no two alike, learned ones with a marker."""
    entries = [row.entry for panel in panels for row in panel.rows]
    learned = dict.fromkeys(names[entry.key] for entry in entries if spent(entry, cost))
    levels = dict.fromkeys(names[entry.key] for entry in entries if names[entry.key] not in learned)
    return {name: line_mark(k) for k, name in enumerate(learned)} | {
        name: level_mark(k) for k, name in enumerate(levels)
    }


def spent(entry: MethodEntry, cost: Cost) -> float:
    """Return what learning cost, a mean over seeds; 0 where nothing was learned."""
    if not entry.pretrain_data:
        return 0.0
    records = [result.record for result in entry.all_results]
    if cost == "images":
        return fmean(record.pretrain.images_seen for record in records)
    return fmean(record.seconds.pretrain for record in records)


def line_names(found: Sequence[MethodEntry]) -> dict[str, str]:
    """Return the name of each row's line by the row's key; rows of one line have the same."""
    lines: dict[str, list[MethodEntry]] = defaultdict(list)
    for entry in {entry.key: entry for entry in found}.values():
        lines[_line(entry)].append(entry)
    first = [members[0] for members in lines.values()]
    names = distinct(
        [f"{entry.title} {entry.feature}" for entry in first],
        [f", {entry.backbone}" for entry in first],
        [f", {entry.pretrain_data or entry.pretraining}" for entry in first],
    )
    told = told_apart(first, names)
    return {entry.key: told[members[0].key] for members in lines.values() for entry in members}


def _line(entry: MethodEntry) -> str:
    """Return the hash of a configuration but for how long it learned."""
    kept = dict(entry.configuration)
    learning = kept.get("pretrain", {})
    kept["pretrain"] = {k: v for k, v in learning.items() if k not in ("epochs", "limit")}
    kept.pop("data", None)  # the fingerprint of all images, or of those that a limit keeps
    return digest([kept, entry.pretrain_data])


def _paint(
    axes: Axes, panel: Panel, cost: Cost, names: dict[str, str], marks: dict[str, Any]
) -> None:
    lines: dict[str, list[ScoredRow]] = defaultdict(list)
    for row in panel.rows:
        lines[names[row.entry.key]].append(row)
    for name, rows in lines.items():
        learned = sorted((row for row in rows if spent(row.entry, cost)),
                         key=lambda row: spent(row.entry, cost))  # fmt: skip
        for row in rows:
            if row not in learned:
                axes.axhline(row.value, linewidth=1, label=name, **marks[name])
        if learned:
            values = [row.value for row in learned]
            ends = [row.ends for row in learned]
            below = [v - low for v, (low, _) in zip(values, ends, strict=True)]
            above = [high - v for v, (_, high) in zip(values, ends, strict=True)]
            axes.errorbar([spent(row.entry, cost) for row in learned], values, (below, above),
                          capsize=2, label=name, **marks[name])  # fmt: skip
    strongest = panel.floor()
    if strongest is not None:
        axes.axhline(strongest[1], color="0.45", linewidth=0.8, linestyle=":", label=strongest[0])
    _scale(axes, [cost_of for row in panel.rows if (cost_of := spent(row.entry, cost))])
    axes.set_xlabel(COSTS[cost])
    axes.set_ylabel(panel.metric.title)
    axes.grid(visible=True)


def _scale(axes: Axes, costs: Sequence[float]) -> None:
    """Set a logarithmic axis with a few numbers, whether it has several decades or a part of one.

    Left alone, an axis of less than a decade gets nine labels, which overlap.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = min(costs), max(costs)
    beyond = 2.0 if low == high else 1.25
    axes.set_xlim(low / beyond, high * beyond)
    axes.xaxis.set_minor_formatter(NullFormatter())
    if high < 10 * low:
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
