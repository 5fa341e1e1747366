"""Score against compute: a line for each method through its runs of several lengths."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from facebench.config.spec import digest
from facebench.errors import DataError, UnknownNameError
from facebench.report.configurations import distinct, told_apart
from facebench.report.entries import MethodEntry
from facebench.report.figures.competitors import Panel, ScoredRow
from facebench.report.figures.drawing import Drawing
from facebench.report.figures.style import shared_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Cost = Literal["images", "seconds"]
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
    rows = [row.entry for panel in shown for row in panel.rows]
    across = min(3, len(shown))
    down = math.ceil(len(shown) / across)

    def paint(figure: Figure) -> None:
        axes = figure.subplots(down, across, squeeze=False).ravel()
        names = line_names(rows)
        colours = {name: f"C{place}" for place, name in enumerate(dict.fromkeys(names.values()))}
        for one, panel in zip(axes, shown, strict=False):
            _paint(one, panel, cost, names, colours)
        for one in axes[len(shown) :]:
            one.set_axis_off()
        shared_legend(figure, axes[: len(shown)])

    machines = {row.entry.all_results[0].record.environment.device
                for panel in shown for row in panel.rows}  # fmt: skip
    several = ", several machines" if cost == "seconds" and len(machines) > 1 else ""
    return Drawing(
        f"validated scores by {COSTS[cost]}{several}; 95 % intervals over test items",
        (max(5.0, 3.2 * across), 2.9 * down + 0.9),
        paint,
        below=len(shown) + sum(1 + len(name) // 46 for name in {*line_names(rows).values()}),
        synthetic=any(panel.record.task.synthetic for panel in shown),
    )


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
    axes: Axes, panel: Panel, cost: Cost, names: dict[str, str], colours: dict[str, str]
) -> None:
    lines: dict[str, list[ScoredRow]] = defaultdict(list)
    for row in panel.rows:
        lines[names[row.entry.key]].append(row)
    for name, rows in lines.items():
        learned = sorted((row for row in rows if spent(row.entry, cost)),
                         key=lambda row: spent(row.entry, cost))  # fmt: skip
        for row in rows:
            if row not in learned:
                axes.axhline(row.value, color=colours[name], linewidth=1, linestyle="--",
                             label=name)  # fmt: skip
        if learned:
            values = [row.value for row in learned]
            ends = [row.ends for row in learned]
            below = [v - low for v, (low, _) in zip(values, ends, strict=True)]
            above = [high - v for v, (_, high) in zip(values, ends, strict=True)]
            axes.errorbar([spent(row.entry, cost) for row in learned], values, (below, above),
                          color=colours[name], marker="o", capsize=2, label=name)  # fmt: skip
    strongest = panel.floor()
    if strongest is not None:
        axes.axhline(strongest[1], color="0.45", linewidth=0.8, linestyle=":", label=strongest[0])
    axes.set_xscale("log")
    axes.set_xlabel(COSTS[cost])
    axes.set_ylabel(panel.metric.title)
    axes.set_title(panel.title, loc="left")
    axes.grid(visible=True)
