"""Mean ranks of methods over tasks, for the critical-difference diagram of a board."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facebench.report.board.model import Column, MeanRanks
from facebench.results.stats.ranks import Ranking, not_different, ranking

FEWEST = 3  # methods: of two, Friedman's test is a sign test
_DIGITS = 6

Values = Mapping[str, Mapping[str, float]]  # by column and row


@dataclass(frozen=True)
class Candidate:
    """A row of one budget, of which mean ranks may be made.

    Args:
        row: Its identifier.
        method: Title of the method.
        values: On the printed scale, by the columns that it has a value in.
    """

    row: str
    method: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Block:
    """Methods that were all judged on the same tasks.

    Args:
        rows: ``[K]`` identifier of the row of each method.
        columns: ``[N]`` identifier of the column of each task.
        values: ``[N][K]``.
        higher: ``[N]`` whether more is better.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    higher: tuple[bool, ...]

    def ranking(self) -> Ranking:
        """Return the mean ranks, kept in the cache."""
        return ranking(self.values, self.higher)


def block(columns: Sequence[Column], candidates: Sequence[Candidate]) -> Block | None:
    """Return the methods and tasks of which mean ranks are made; None if there are too few.

    A method takes part with its row that has the most scores, of several with the best in the first
    column, a task with its main metric on all of its test items. Of all sets of methods and tasks
    without a gap it is the largest.

    Args:
        columns: Columns of a board.
        candidates: The rows of one budget.
    """
    headlines = [column for column in columns if column.headline and not column.partial]
    values = _one_a_task(headlines, _one_each(candidates, headlines))
    tasks, rows = _largest(values)
    if len(rows) < FEWEST or len(tasks) < 2:
        return None
    higher = {column.id: column.higher for column in headlines}
    return Block(
        rows=tuple(rows),
        columns=tuple(tasks),
        values=tuple(tuple(values[task][row] for row in rows) for task in tasks),
        higher=tuple(higher[task] for task in tasks),
    )


def mean_ranks(ranked: Block | None) -> MeanRanks:
    """Rank methods on the tasks that all of them were judged on."""
    if ranked is None:
        return MeanRanks(rows=(), columns=(), ranks=(), means=(), p=None, distance=None,
                         groups=(), needed=0)  # fmt: skip
    found = ranked.ranking()
    order = sorted(range(len(ranked.rows)), key=lambda place: (found.means[place], place))
    means = [round(found.means[place], _DIGITS) for place in order]
    return MeanRanks(
        rows=tuple(ranked.rows[place] for place in order),
        columns=ranked.columns,
        ranks=tuple(tuple(of_task[place] for of_task in found.ranks) for place in order),
        means=tuple(means),
        p=round(found.p, _DIGITS),
        distance=round(found.distance, _DIGITS),
        groups=tuple(not_different(means, found.distance)),
        needed=found.needed,
    )


def _one_each(candidates: Sequence[Candidate], columns: Sequence[Column]) -> list[Candidate]:
    """Return the row of each method that has the most scores; of equals the best, as in tables."""
    chosen: dict[str, Candidate] = {}
    for candidate in candidates:
        other = chosen.get(candidate.method)
        if other is None or _weight(candidate, columns) > _weight(other, columns):
            chosen[candidate.method] = candidate
    return list(chosen.values())


def _weight(candidate: Candidate, columns: Sequence[Column]) -> tuple[float, ...]:
    """Return the number of scores, and the scores from left to right; more is better."""
    scores = [(candidate.values.get(column.id), column.higher) for column in columns]
    signed = [-math.inf if v is None else v if higher else -v for v, higher in scores]
    return len(columns) - signed.count(-math.inf), *signed


def _one_a_task(
    columns: Sequence[Column], candidates: Sequence[Candidate]
) -> dict[str, dict[str, float]]:
    """Return the values of each task in its column with the most rows, by column and row."""
    of_task: dict[str, tuple[str, dict[str, float]]] = {}
    for column in columns:
        found = {one.row: one.values[column.id] for one in candidates if column.id in one.values}
        if len(found) > len(of_task.get(column.task, ("", {}))[1]):
            of_task[column.task] = (column.id, found)
    return dict(of_task.values())


def _largest(values: Values) -> tuple[list[str], list[str]]:
    """Return the columns and rows of the largest part without a gap, of the fullest columns."""
    fullest = sorted(values, key=lambda column: -len(values[column]))  # stable
    best: tuple[list[str], list[str]] = ([], [])
    for number in range(2, len(fullest) + 1):
        columns = fullest[:number]
        rows = [row for row in values[columns[0]] if all(row in values[c] for c in columns)]
        if len(rows) >= FEWEST and len(rows) * number > len(best[0]) * len(best[1]):
            best = ([column for column in values if column in columns], rows)
    return best
