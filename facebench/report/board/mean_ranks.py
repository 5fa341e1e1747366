"""Mean ranks of methods over tasks, for the critical-difference diagram of a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from facebench.protocol import ScoreKind
from facebench.report.board.model import BoardRow, Column, MeanRanks
from facebench.results.stats.ranks import not_different, ranking

FEWEST = 3  # methods: of two, Friedman's test is a sign test
_DIGITS = 6

Values = Mapping[str, Mapping[str, float]]  # by column and row


def mean_ranks(
    columns: Sequence[Column], competing: Sequence[BoardRow], kind: ScoreKind
) -> MeanRanks:
    """Rank methods on the tasks that all of them were judged on.

    A method takes part with its row that has the most scores, a task with its main metric on all of
    its test items. Of all sets of methods and tasks without a gap it is the largest.

    Args:
        columns: Columns of a board.
        competing: The rows of one budget.
        kind: Kind of score.
    """
    headlines = [column for column in columns if column.headline and not column.partial]
    rows = _one_each(competing, headlines, kind)
    values = _one_a_task(headlines, rows, kind)
    tasks, methods = _block(values)
    if len(methods) < FEWEST or len(tasks) < 2:
        return MeanRanks(rows=(), columns=(), ranks=(), means=(), p=None, distance=None,
                         groups=(), needed=0)  # fmt: skip
    higher = {column.id: column.higher for column in headlines}
    found = ranking(
        [[values[task][row] for row in methods] for task in tasks], [higher[task] for task in tasks]
    )
    order = sorted(range(len(methods)), key=lambda place: (found.means[place], place))
    means = [round(found.means[place], _DIGITS) for place in order]
    return MeanRanks(
        rows=tuple(methods[place] for place in order),
        columns=tuple(tasks),
        ranks=tuple(tuple(of_task[place] for of_task in found.ranks) for place in order),
        means=tuple(means),
        p=round(found.p, _DIGITS),
        distance=round(found.distance, _DIGITS),
        groups=tuple(not_different(means, found.distance)),
        needed=found.needed,
    )


def _value(row: BoardRow, column: Column, kind: ScoreKind) -> float | None:
    cell = row.cells.get(column.id)
    return None if cell is None else (cell.honest if kind == "honest" else cell.paper).value


def _one_each(
    competing: Sequence[BoardRow], columns: Sequence[Column], kind: ScoreKind
) -> list[BoardRow]:
    """Return the row of each method that has the most scores, the first of equals."""
    chosen: dict[str, tuple[int, BoardRow]] = {}
    for row in competing:
        filled = sum(_value(row, column, kind) is not None for column in columns)
        if row.method not in chosen or filled > chosen[row.method][0]:
            chosen[row.method] = (filled, row)
    return [row for _, row in chosen.values()]


def _one_a_task(
    columns: Sequence[Column], rows: Sequence[BoardRow], kind: ScoreKind
) -> dict[str, dict[str, float]]:
    """Return the values of each task in its column with the most rows, by column and row."""
    of_task: dict[str, tuple[str, dict[str, float]]] = {}
    for column in columns:
        found = {row.id: value for row in rows if (value := _value(row, column, kind)) is not None}
        if len(found) > len(of_task.get(column.task, ("", {}))[1]):
            of_task[column.task] = (column.id, found)
    return dict(of_task.values())


def _block(values: Values) -> tuple[list[str], list[str]]:
    """Return the columns and rows of the largest part without a gap, of the fullest columns."""
    fullest = sorted(values, key=lambda column: -len(values[column]))  # stable
    best: tuple[list[str], list[str]] = ([], [])
    for number in range(2, len(fullest) + 1):
        columns = fullest[:number]
        rows = [row for row in values[columns[0]] if all(row in values[c] for c in columns)]
        if len(rows) >= FEWEST and len(rows) * number > len(best[0]) * len(best[1]):
            best = ([column for column in values if column in columns], rows)
    return best
