"""Ranks of methods on rendered faces against their ranks on real ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import scipy

from facebench.errors import DataError
from facebench.report import signed
from facebench.report.budget import learning_of, shared_budget
from facebench.report.configurations import distinct, told_apart
from facebench.report.figures.competitors import Panel, ScoredRow, one_for_each_task
from facebench.report.figures.drawing import SYNTHETIC, Drawing
from facebench.report.figures.style import line_mark, small
from facebench.results.stats.statistics import contests

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEWEST = 3  # methods
Rank = tuple[int, int, int]  # of the score, and the ends of its 95 % interval

Who = tuple[str, str, str, str]


@dataclass(frozen=True)
class RankPair:
    """The ranks of the same methods on both kinds of data of one task; 1 is the best.

    Args:
        title: Title of the task.
        names: ``[K]`` names of the methods.
        synthetic: ``[K]`` on rendered faces.
        real: ``[K]`` on real ones.
        tau: Kendall's tau-b of both.
        p: Its p value, two-sided.
    """

    title: str
    names: tuple[str, ...]
    synthetic: tuple[Rank, ...]
    real: tuple[Rank, ...]
    tau: float
    p: float


def rank_pairs(panels: Sequence[Panel]) -> list[RankPair]:
    """Return the tasks on both of whose kinds of data three or more methods were evaluated.

    A method is its title, feature, backbone and options; of several budgets the run of the one that
    the most methods share counts, else the longest. Ranks have 95 % intervals over test items.

    Args:
        panels: Groups of comparable results.

    Raises:
        DataError: There is no such task.
        StageError: Predictions are missing.
    """
    kinds: dict[str, dict[bool, Panel]] = {}
    for panel in one_for_each_task(panels):
        kinds.setdefault(panel.record.task.name, {})[panel.record.task.synthetic] = panel
    found = []
    for both in kinds.values():
        if len(both) == 2:
            real, rendered = _chosen(both[False]), _chosen(both[True])
            shared = [who for who in real if who in rendered]
            if len(shared) >= _FEWEST:
                found.append(_pair(both, [real[w] for w in shared], [rendered[w] for w in shared]))
    if not found:
        raise DataError(
            f"figure ranks: found no task on whose real and rendered faces {_FEWEST} or more of "
            "the same methods were evaluated. Run them on both, with --synthetic always for the "
            "rendered ones."
        )
    return found


def rank_slopes(panels: Sequence[Panel]) -> Drawing:
    """Return ranks on rendered faces beside those on real ones, a line for each method.

    Args:
        panels: Groups of comparable results.

    Raises:
        DataError: There is no task with both; see :func:`rank_pairs`.
    """
    pairs = rank_pairs(panels)

    def paint(figure: Figure) -> None:
        across = 1 if small(figure) else broad
        down = math.ceil(len(pairs) / across)
        axes = figure.subplots(down, across, squeeze=False).ravel()
        for one, pair in zip(axes, pairs, strict=False):
            _paint(one, pair)
        for one in axes[len(pairs) :]:
            one.set_axis_off()

    broad = min(2, len(pairs))
    panel = 0.34 * max(len(pair.names) for pair in pairs) + 0.8
    texts = (f"{p.title}: Kendall's tau {signed(p.tau)} (p {p.p:.2g}, {len(p.names)} methods)"
             for p in pairs)  # fmt: skip
    title = f"Ranks on {SYNTHETIC} and on real ones; bars: 95 % intervals over test items"
    size = (4.2 * broad + 0.6, panel * math.ceil(len(pairs) / broad) + 0.5)
    # Each axis says which side is of rendered faces; a heading would say so of the real ones, too.
    return Drawing("\n".join([title, *texts]), size, paint,
                   column_height=0.7 * panel * len(pairs) + 0.2)  # fmt: skip


def _chosen(panel: Panel) -> dict[Who, ScoredRow]:
    """Return one row for each method."""
    shared = shared_budget(((_who(row), row.entry) for row in panel.rows), learning_of)
    found: dict[Who, ScoredRow] = {}

    def weight(row: ScoredRow) -> tuple[bool, int]:
        return learning_of(row.entry) == shared, learning_of(row.entry).images

    for row in panel.rows:
        who = _who(row)
        if who not in found or weight(row) > weight(found[who]):
            found[who] = row
    return found


def _who(row: ScoredRow) -> Who:
    entry = row.entry
    options = sorted(entry.configuration.get("options", {}).items())
    return entry.title, entry.feature, entry.backbone, str(options)


def _pair(both: dict[bool, Panel], real: list[ScoredRow], rendered: list[ScoredRow]) -> RankPair:
    tau = scipy.stats.kendalltau([_signed(row) for row in real], [_signed(row) for row in rendered])
    return RankPair(
        title=both[False].record.task.title,
        names=tuple(_names(real)),
        synthetic=_ranks(rendered),
        real=_ranks(real),
        tau=float(tau.statistic),
        p=float(tau.pvalue),
    )


def _names(rows: Sequence[ScoredRow]) -> list[str]:
    """Return short names: of each method there is one row, of whatever budget."""
    found = [row.entry for row in rows]
    short = [f"{entry.title} {entry.feature}" for entry in found]
    names = distinct(short, [f", {entry.backbone}" for entry in found])
    return [*told_apart(found, names).values()]


def _signed(row: ScoredRow) -> float:
    return row.value if row.metric.higher_is_better else -row.value


def _ranks(rows: Sequence[ScoredRow]) -> tuple[Rank, ...]:
    metric = rows[0].metric
    met = contests([row.score.results for row in rows], [metric])[metric.name]
    own = scipy.stats.rankdata([-_signed(row) for row in rows], method="min").astype(int)
    ends = met.rank_intervals()
    return tuple((int(rank), low, high) for rank, (low, high) in zip(own, ends, strict=True))


def _paint(axes: Axes, pair: RankPair) -> None:
    for number, (left, right) in enumerate(zip(pair.synthetic, pair.real, strict=True)):
        mark = line_mark(number)
        shift = 0.03 * (number - len(pair.names) / 2)
        axes.plot([shift, 1 + shift], [left[0], right[0]], **mark)
        for side, (_, low, high) in ((shift, left), (1 + shift, right)):
            axes.plot([side, side], [low, high], color=mark["color"], linewidth=0.8, alpha=0.6)
    count = len(pair.names)
    axes.set_xticks([0, 1], ["SYNTHETIC", "real"])
    axes.set_xlim(-0.3, 1.3)
    axes.set_yticks(range(1, count + 1))
    axes.set_ylim(count + 0.4, 0.6)
    axes.set_ylabel("rank")
    other = axes.twinx()  # whose labels the layout knows of, unlike those of a secondary axis
    best = sorted(range(count), key=lambda k: pair.real[k][0])
    other.set_ylim(axes.get_ylim())
    other.set_yticks([pair.real[k][0] for k in best], _stacked(pair, best))
    axes.set_title(f"{pair.title}, $\\tau$ = {signed(pair.tau)}", loc="left")
    axes.grid(visible=True, axis="y")


def _stacked(pair: RankPair, order: Sequence[int]) -> list[str]:
    """Return names; those of equal rank stand in one label."""
    labels: dict[int, list[str]] = {}
    for k in order:
        labels.setdefault(pair.real[k][0], []).append(pair.names[k])
    return [
        "\n".join(labels[pair.real[k][0]]) if labels[pair.real[k][0]][0] == pair.names[k] else ""
        for k in order
    ]
