"""Cells of a leaderboard: scores with intervals and ranks, and whether one is the best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from facebench.protocol import ScoreKind
from facebench.report.board.comparisons import Competition, best_of, rank_intervals
from facebench.report.board.model import Cell, Column, Mark, Rank
from facebench.report.entries import MethodEntry, Score
from facebench.report.groups import Group
from facebench.results.scores import KINDS
from facebench.results.stats.statistics import Interval, intervals

KEPT = 9  # decimals of a value on the printed scale, which remove rounding differences of sums


def cells_of(
    group: Group,
    columns: Sequence[Column],
    members: Sequence[MethodEntry],
    found: Mapping[str, Mapping[str, Score]],
    met: Mapping[ScoreKind, Competition],
    places: Mapping[Path, int],
) -> dict[str, dict[str, Cell]]:
    """Return the cells of a group's columns, by entry and column.

    Args:
        group: A group of comparable results.
        columns: Its columns.
        members: Entries of the board.
        found: Scores of those of the group, by entry and metric.
        met: The competition in this group, by kind of score.
        places: Place of each result on the board, by its path.
    """
    asked = [score.metric for score in next(iter(found.values())).values()]
    ends = {
        entry.key: intervals(entry.results[group], asked, "paper")
        for entry in members
        if entry.key in found
    }
    ranks = {kind: rank_intervals(met[kind], found) for kind in KINDS}
    winners = {kind: best_of(met[kind]) for kind in KINDS}
    cells: dict[str, dict[str, Cell]] = defaultdict(dict)
    for key, of_entry in found.items():
        for column in columns:
            score = of_entry[column.name]
            honest, paper = (ranks[kind].get(column.name, {}).get(key) for kind in KINDS)
            paper_ends = ends[key][column.name]
            best = {kind: winners[kind].get(column.name) for kind in KINDS}
            cells[key][column.id] = Cell(
                honest=_mark(
                    score, score.honest, score.std, score.interval, honest, best["honest"] == key
                ),
                paper=_mark(
                    score, score.paper, score.paper_std, paper_ends, paper, best["paper"] == key
                ),
                results=tuple(places[result.path] for result in score.results),
            )
    return cells


def shown(score: Score, stored: float | None) -> float | None:
    """Return a value of a score on the printed scale, without rounding differences of sums."""
    value = score.shown(stored)
    return None if value is None else round(value, KEPT)


def _mark(
    score: Score,
    value: float | None,
    std: float | None,
    interval: Interval | None,
    rank: Rank | None,
    best: bool,
) -> Mark:
    low, high = interval or (None, None)
    return Mark(
        value=shown(score, value),
        low=shown(score, low),
        high=shown(score, high),
        std=shown(score, std),
        rank=rank,
        best=best,
    )
