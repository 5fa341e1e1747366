"""From a table's numbers to a grid of texts, which every format draws in its own way.

Two layouts. *Side by side*: below each of the paper's columns stand printed, paper, honest, its
interval and the difference, or only what is printed where nothing of ours is; for up to two
columns. *Below each other*: the paper's columns as they
are, and for each row a line of each kind of number; eight action units have no room for more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from facebench.report import DASH
from facebench.report.board.leaderboard import KEPT
from facebench.report.tables.model import PaperTable, TableCell, TableColumn, TableRow

_WIDEST = 2  # columns of the paper that stand side by side with ours


@dataclass(frozen=True)
class GridCell:
    """A text, which may have to be bold; ``star`` marks what the paper's authors reproduced."""

    text: str
    bold: bool = False
    star: bool = False


@dataclass(frozen=True)
class Span:
    """A heading over some neighbouring columns."""

    text: str
    columns: int


@dataclass(frozen=True)
class GridRow:
    """A row of a grid; ``first`` says that a method begins here."""

    section: str
    cells: tuple[GridCell, ...]
    first: bool = True


@dataclass(frozen=True)
class Grid:
    """A table as texts.

    Args:
        title: What it shows, with the number of the table.
        caption: The same for a document that numbers its tables itself.
        label: Names it: ``table1-real``.
        upper: Upper headings, over all columns.
        lower: Lower headings, one for each column.
        labels: How many of the leading columns are words and not numbers.
        rows: Their cells, one for each column.
        notes: Below the table.
    """

    title: str
    caption: str
    label: str
    upper: tuple[Span, ...]
    lower: tuple[str, ...]
    labels: int
    rows: tuple[GridRow, ...]
    notes: tuple[str, ...]

    def sections(self) -> Iterator[tuple[str, list[GridRow]]]:
        """Yield each heading among the rows (empty for none) with the rows below it."""
        for section, rows in groupby(self.rows, key=lambda row: row.section):
            yield section, list(rows)


Show = Callable[[TableCell], GridCell]


def fixed(value: float, digits: int, sign: str = "-") -> str:
    """Return a number with so many decimals.

    It is rounded to those that the leaderboard keeps first, so that a mean of two seeds half-way
    between two numbers falls the same way in both.
    """
    return f"{round(value, KEPT):{sign}.{digits}f}"


def grid(table: PaperTable) -> Grid:
    """Lay a table out."""
    ours = any(row.run for row in table.rows)
    kinds = _kinds(table, ours)
    labels = (table.layout.rows, *(("our run",) if ours else ()))
    headings = [
        (upper, f"{lower} ({column.note})" if column.note else lower)
        for column in table.columns
        for upper, lower in [column.heading]
    ]
    if len(kinds) > 1 and len(headings) <= _WIDEST:
        shown = [_of_column(column, kinds) for column in table.columns]
        upper = [
            Span(", ".join(heading), len(of_column))
            for heading, of_column in zip(headings, shown, strict=True)
        ]
        lower = [name for of_column in shown for name in of_column]
        rows = [_beside(row, shown, ours) for row in table.rows]
    else:
        upper = _spans([heading[0] for heading in headings])
        lower = [heading[1] for heading in headings]
        rows = [line for row in table.rows for line in _below(row, kinds, ours)]
        labels = (*labels, *(("",) if ours else ()))
    number, kind = table.layout.number, "synthetic" if table.synthetic else "real"
    what = "SYNTHETIC faces" if table.synthetic else "real data"
    return Grid(
        title=f"Table {number}. {table.layout.title}, {what}",
        caption=f"{table.layout.title}, {what} (Table {number} of {table.layout.short})",
        label=f"table{number}-{kind}",
        upper=(Span("", len(labels)), *upper),
        lower=(*labels, *lower),
        labels=len(labels),
        rows=tuple(rows),
        notes=table.notes,
    )


def _kinds(table: PaperTable, ours: bool) -> dict[str, Show]:
    """Return the kinds of numbers of a table, each with how it is shown."""
    digits = table.layout.digits

    def number(value: float | None, std: float | None = None) -> str:
        if value is None:
            return DASH
        return fixed(value, digits) + ("" if std is None else f" ± {fixed(std, digits)}")

    def interval(cell: TableCell) -> str:
        if cell.low is None or cell.high is None:
            return DASH
        return f"{fixed(cell.low, digits)} to {fixed(cell.high, digits)}"

    def difference(cell: TableCell) -> str:
        return DASH if cell.difference is None else fixed(cell.difference, digits, "+")

    printed: dict[str, Show] = {
        "printed": lambda cell: GridCell(number(cell.printed), star=cell.reproduced)
    }
    scores: dict[str, Show] = {
        "paper": lambda cell: GridCell(number(cell.paper, cell.paper_std)),
        "honest": lambda cell: GridCell(number(cell.honest, cell.honest_std), bold=cell.best),
        "95 % interval": lambda cell: GridCell(interval(cell)),
    }
    if table.synthetic:
        return scores
    return {**printed, **scores, "Δ": lambda cell: GridCell(difference(cell))} if ours else printed


def _of_column(column: TableColumn, kinds: Mapping[str, Show]) -> Mapping[str, Show]:
    """Return the kinds of numbers of one column: the first one alone where nothing is ours."""
    return kinds if column.group else dict([*kinds.items()][:1])


def _beside(row: TableRow, shown: Sequence[Mapping[str, Show]], ours: bool) -> GridRow:
    """One line, with every kind of number of each column."""
    cells = [
        show(cell) for cell, kinds in zip(row.cells, shown, strict=True) for show in kinds.values()
    ]
    return GridRow(row.section, (*_words(row, ours), *cells))


def _below(row: TableRow, kinds: Mapping[str, Show], ours: bool) -> Iterator[GridRow]:
    """One line for each kind of number that the row has; one of dashes if it has none."""
    lines = [(name, [show(cell) for cell in row.cells]) for name, show in kinds.items()]
    said = [(n, cells) for n, cells in lines if any(cell.text != DASH for cell in cells)]
    for place, (name, cells) in enumerate(said or [("", lines[0][1])]):
        words = _words(row, ours) if place == 0 else [GridCell("")] * (2 if ours else 1)
        if ours:
            words = [*words, GridCell(name)]
        yield GridRow(row.section, (*words, *cells), first=place == 0)


def _words(row: TableRow, ours: bool) -> list[GridCell]:
    return [GridCell(row.name), *([GridCell(row.run)] if ours else [])]


def _spans(headings: Sequence[str]) -> list[Span]:
    """Join equal neighbours."""
    return [Span(text, len(list(same))) for text, same in groupby(headings)]
