"""The leaderboard for a terminal, and as Markdown: one table for each family and kind of data.

A cell has the honest score, its 95 % interval, the 95 % interval of its rank, and the score by the
paper's protocol. Bold is what is significantly best of the rows of one budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from facebench.rendering import table as form
from facebench.rendering.markdown import grid, marked, readable
from facebench.rendering.table import Cell as TextCell
from facebench.rendering.table import Section, Span, Table
from facebench.report import DASH
from facebench.report.board.model import Board, BoardRow, Cell, Column, Leaderboard

_CELLS = (
    "In a cell: validated score, its 95 % interval over test items, the 95 % interval of its rank, "
    "and the test-selected score (by the paper's protocol). "
)
_NO_AVERAGE = "There is no average over tasks, which have no common unit."
_SYNTHETIC = "Synthetic stand-ins: not comparable with real data or published numbers."
_NAME_WIDTH, _CELL_WIDTH = 40, 17  # of a terminal's columns, about
EMPTY = "There are no results yet."


@dataclass(frozen=True)
class SheetRow:
    """One row of a table: lines of text for each cell, the first of them bold or not."""

    name: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    bold: tuple[bool, ...]


@dataclass(frozen=True)
class Sheet:
    """One table: a family of tasks on one kind of data."""

    title: str
    columns: tuple[Column, ...]
    sections: tuple[tuple[str, tuple[SheetRow, ...]], ...]
    left_out: int


def sheets(leaderboard: Leaderboard, width: int | None = None) -> Iterator[Sheet]:
    """Yield the tables of a leaderboard.

    Args:
        leaderboard: The leaderboard.
        width: Width of the terminal in characters. A family that does not fit has its main metrics
            only, with a note.
    """
    for board in leaderboard.boards:
        for family in dict.fromkeys(column.family for column in board.columns):
            columns = [column for column in board.columns if column.family == family]
            fits = width is None or _NAME_WIDTH + _CELL_WIDTH * len(columns) <= width
            kept = [column for column in columns if fits or column.headline]
            yield _sheet(board, family, tuple(kept), len(columns) - len(kept))


def terminal_tables(leaderboard: Leaderboard, width: int) -> list[Table]:
    """Return the tables for a terminal of this width."""
    return [_table(sheet) for sheet in sheets(leaderboard, width)]


def note(leaderboard: Leaderboard, named: Callable[[str], str] = readable) -> str:
    """Return what stands in a cell, and among which rows ranks and bold are.

    Args:
        leaderboard: The leaderboard.
        named: Makes names, such as that of a dataset, fit for where the text is shown.
    """
    budgets = [
        f"{named(board.budget)} ({'synthetic' if board.synthetic else 'real'} data)"
        for board in leaderboard.boards
        if board.budget
    ]
    learned = f"the rows that learned from {', '.join(budgets)}, or learned nothing"
    among = learned if budgets else "all rows"
    ranks = f"Ranks, and bold for the significantly best, are among {among}. "
    return _CELLS + ranks + _NO_AVERAGE


def markdown(leaderboard: Leaderboard) -> str:
    """Return the tables as GitHub's Markdown; the same leaderboard gives the same bytes."""
    if not leaderboard.boards:
        return f"# Leaderboard\n\n{EMPTY}\n"
    parts = ["# Leaderboard", note(leaderboard, marked)]
    for sheet in sheets(leaderboard):
        parts += [f"## {marked(sheet.title)}", grid(_table(sheet), "---", "---:")]
    if any(board.synthetic for board in leaderboard.boards):
        parts.append(_SYNTHETIC)
    return "\n\n".join(parts) + "\n"


def _sheet(board: Board, family: str, columns: tuple[Column, ...], left_out: int) -> Sheet:
    ranking = [column for column in columns if column.headline] or [columns[0]]
    rows = [row for row in board.rows if any(column.id in row.cells for column in columns)]
    rows.sort(key=lambda row: _worse(row, ranking))
    sections = [("", tuple(_measured(row, columns) for row in rows))]
    floors = [floor for floor in board.floors if any(c.id in floor.cells for c in columns)]
    sections.append(
        (
            "trivial baselines",
            tuple(
                _plain(floor.name, [_number(floor.cells.get(c.id)) for c in columns])
                for floor in floors
            ),
        )
    )
    quoted: dict[str, list[SheetRow]] = {}
    for row in board.printed:
        quotes = [row.cells.get(column.id) for column in columns]
        if any(quotes):
            shown = [
                DASH if q is None else f"{q.value:.2f}{'*' if q.reproduced else ''}" for q in quotes
            ]
            title = f"published, {row.short}, {row.section}"
            quoted.setdefault(title, []).append(_plain(row.method, shown))
    sections += [(title, tuple(lines)) for title, lines in quoted.items()]
    kind = "SYNTHETIC faces" if board.synthetic else "real data"
    return Sheet(
        f"{family.capitalize()}, {kind}",
        columns,
        tuple((title, lines) for title, lines in sections if lines),
        left_out,
    )


def _worse(row: BoardRow, columns: Sequence[Column]) -> tuple[int, float, int]:
    """Sort key: best first, by the first of the columns that has a score; then by name."""
    for place, column in enumerate(columns):
        cell = row.cells.get(column.id)
        if cell is not None and cell.honest.value is not None:
            value = cell.honest.value
            return place, -value if column.higher else value, row.order
    return len(columns), 0.0, row.order


def _measured(row: BoardRow, columns: Sequence[Column]) -> SheetRow:
    cells = [row.cells.get(column.id) for column in columns]
    seeds = f", {len(row.seeds)} seeds" if len(row.seeds) > 1 else ""
    name = (
        row.method,
        f"{row.feature}, {row.backbone}{seeds}",
        row.pretraining,
        *([row.detail] if row.detail else []),
    )
    bold = tuple(c is not None and c.honest.best for c in cells)
    lines = tuple(_lines(cell, column) for cell, column in zip(cells, columns, strict=True))
    return SheetRow(name, lines, bold)


def _lines(cell: Cell | None, column: Column) -> tuple[str, ...]:
    if cell is None or cell.honest.value is None:
        return (DASH,)
    lines = [_number(cell.honest.value)]
    if cell.honest.low is not None:
        lines.append(f"{_number(cell.honest.low)} to {_number(cell.honest.high)}")
    if cell.honest.rank is not None:
        low, high = cell.honest.rank
        lines.append(f"rank {low}" if low == high else f"rank {low}-{high}")
    lines.append(f"{column.selected} {_number(cell.paper.value)}")
    return tuple(lines)


def _plain(name: str, cells: Sequence[str]) -> SheetRow:
    return SheetRow((name,), tuple((cell,) for cell in cells), (False,) * len(cells))


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"


def _heading(column: Column) -> tuple[str, ...]:
    arrow = "↑" if column.higher else "↓"
    return (column.title, f"{column.metric} {arrow}", *([column.note] if column.note else []))


def _table(sheet: Sheet) -> Table:
    more = f"{sheet.left_out} more columns in a wider terminal, and with --format md or html"
    headings = ["\n".join(map(readable, _heading(column))) for column in sheet.columns]
    return Table(
        title=readable(sheet.title),
        columns=(form.Column(heading="method"), *form.columns(*headings, numeric=True)),
        sections=tuple(
            Section(readable(title), tuple(_row(line, bold=not title) for line in lines))
            for title, lines in sheet.sections
        ),
        notes=(more,) if sheet.left_out else (),
    )


def _row(line: SheetRow, *, bold: bool) -> tuple[TextCell, ...]:
    cells = zip(line.cells, line.bold, strict=True)
    return (_stacked(line.name, bold), *(_stacked(lines, first) for lines, first in cells))


def _stacked(lines: Sequence[str], bold: bool) -> TextCell:
    """Lines below each other, the first of them bold or not, the others dim."""
    first = Span(readable(lines[0]), "bold" if bold else "")
    return TextCell((first, *(Span(f"\n{readable(line)}", "dim") for line in lines[1:])))
