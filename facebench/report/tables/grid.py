"""Converts a table's numbers to a table of texts, which each format draws.

Two layouts. *Side by side*: below each of the paper's columns stand printed, paper, honest, its
interval and the difference, or only what is printed where nothing of ours is; for up to two
columns. *Below each other*: the paper's columns unchanged, and for each row one line per kind of
number; used where columns are many, as for eight action units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from facebench.rendering.table import JOINED, Cell, Section, Table, cell, columns, plain
from facebench.report import DASH, signed
from facebench.report.board.cells import KEPT
from facebench.report.tables.model import PaperTable, TableCell, TableColumn, TableRow
from facebench.results.scores import SHOWN, shown_kind

_PUBLISHED, _DIFFERENCE = "published", "Δ"
_WIDEST = 2  # columns with all kinds of numbers that stand side by side


Show = Callable[[TableCell], Cell]
GridRow = tuple[str, tuple[Cell, ...]]  # the section of a row, and its cells


def fixed(value: float, digits: int) -> str:
    """Return a number with a fixed number of decimals.

    It is rounded to those that the leaderboard keeps first, so that a mean of two seeds half-way
    between two numbers falls the same way in both.
    """
    return f"{round(value, KEPT):.{digits}f}"


def grid(table: PaperTable, *, stacked: bool = False) -> Table:
    """Lay a table out; ``stacked`` below each other in any case, which takes less width."""
    ours = any(row.run for row in table.rows)
    kinds = _kinds(table, ours)
    labels = (table.layout.rows, *(("our run",) if ours else ()))
    headings = [
        (upper, f"{lower} ({column.note})" if column.note else lower)
        for column in table.columns
        for upper, lower in [column.heading]
    ]
    shown = [_of_column(column, kinds) for column in table.columns]
    if len(kinds) > 1 and sum(map(len, shown)) <= _WIDEST * len(kinds) and not stacked:
        upper = [
            (", ".join(heading), len(of_column))
            for heading, of_column in zip(headings, shown, strict=True)
        ]
        lower = [name for of_column in shown for name in of_column]
        rows = [_beside(row, shown, ours) for row in table.rows]
    else:
        upper = _spans([heading[0] for heading in headings])
        lower = [heading[1] for heading in headings]
        rows = [line for row in table.rows for line in _below(row, kinds, ours)]
        labels = (*labels, *(("",) if ours else ()))
    layout, kind = table.layout, "synthetic" if table.synthetic else "real"
    title = f"{layout.title}, {'SYNTHETIC faces' if table.synthetic else 'real data'}"
    number = layout.title_number
    return Table(
        title=f"{number}. {title}" if number else title,
        caption=f"{title} ({number} of {layout.short})" if number else title,
        label=f"table{layout.number}-{kind}",
        upper=(("", len(labels)), *upper),
        columns=(*columns(*labels), *columns(*lower, numeric=True)),
        sections=tuple(
            Section(title, tuple(cells for _, cells in lines))
            for title, lines in groupby(rows, key=lambda line: line[0])
        ),
        notes=table.notes,
    )


def _kinds(table: PaperTable, ours: bool) -> dict[str, Show]:
    """Return the kinds of numbers of a table, each with how it is shown."""
    digits = table.layout.digits

    def number(value: float | None, std: float | None = None) -> str:
        if value is None:
            return DASH
        return fixed(value, digits) + ("" if std is None else f" ± {fixed(std, digits)}")

    def interval(of: TableCell) -> str:
        if of.low is None or of.high is None:
            return DASH
        return f"{fixed(of.low, digits)} to {fixed(of.high, digits)}"

    def difference(of: TableCell) -> str:
        return DASH if of.difference is None else signed(round(of.difference, KEPT), digits)

    published: dict[str, Show] = {
        _PUBLISHED: lambda of: cell(number(of.printed), star=of.reproduced)
    }
    scores: dict[str, Show] = {
        SHOWN["paper"]: lambda of: cell(number(of.paper, of.paper_std)),
        SHOWN["honest"]: lambda of: cell(
            number(of.honest, of.honest_std), "bold" if of.best else ""
        ),
        "95 % interval": lambda of: cell(interval(of)),
    }
    if table.synthetic:
        return scores
    if not ours:
        return published
    known = any(of.difference is not None for row in table.rows for of in row.cells)
    return {
        **published,
        **scores,
        **({_DIFFERENCE: lambda of: cell(difference(of))} if known else {}),
    }


def _of_column(column: TableColumn, kinds: Mapping[str, Show]) -> Mapping[str, Show]:
    """Return the kinds of numbers of one column: the first one alone where nothing is ours."""
    if not column.group:
        return dict([*kinds.items()][:1])
    if not column.of_paper:
        kinds = {
            kind: show for kind, show in kinds.items() if kind not in (_PUBLISHED, _DIFFERENCE)
        }
    paper = shown_kind("paper", column.group[2])
    return {paper if kind == SHOWN["paper"] else kind: show for kind, show in kinds.items()}


def _beside(row: TableRow, shown: Sequence[Mapping[str, Show]], ours: bool) -> GridRow:
    """One line, with every kind of number of each column."""
    cells = [
        show(of) for of, kinds in zip(row.cells, shown, strict=True) for show in kinds.values()
    ]
    return row.section, (*_words(row, ours), *cells)


def _below(row: TableRow, kinds: Mapping[str, Show], ours: bool) -> Iterator[GridRow]:
    """One line for each kind of number that the row has; one of dashes if it has none."""
    lines = [(name, [show(of) for of in row.cells]) for name, show in kinds.items()]
    said = [(n, cells) for n, cells in lines if any(plain(one) != DASH for one in cells)]
    for place, (name, cells) in enumerate(said or [("", lines[0][1])]):
        words = [JOINED if place else word for word in _words(row, ours)]
        if ours:
            words = [*words, cell(name)]
        yield row.section, (*words, *cells)


def _words(row: TableRow, ours: bool) -> list[Cell]:
    return [cell(row.name), *([cell(row.run + row.marks)] if ours else [])]


def _spans(headings: Sequence[str]) -> list[tuple[str, int]]:
    """Join equal adjacent headings."""
    return [(text, len(list(same))) for text, same in groupby(headings)]
