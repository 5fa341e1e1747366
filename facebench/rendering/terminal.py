"""A table for a terminal, by rich; the only module that makes tables of rich."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table as RichTable
from rich.text import Text

from facebench.rendering.characters import visible
from facebench.rendering.table import Cell, Column, Emphasis, Table

_STYLES: dict[Emphasis, str] = {
    "good": "green", "note": "cyan", "warning": "yellow", "bad": "bold red",
}  # fmt: skip


_ANY_WIDTH = 10_000  # characters; wider than any table
_PART = 6  # characters of a word that stay together on a terminal that is too narrow for whole ones


class TerminalTable:
    """A table that a console prints. No text of it is taken for markup.

    Lines end where their text ends, so that they can be compared and searched in a pipe. On a
    terminal that is narrower than names and whole numbers need, columns stand closer and every
    cell may wrap, the widest column first and between words while that suffices: no text is left
    out.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield title, rows and notes."""
        table = self._table
        if table.title:
            yield Text(visible(table.title), style="table.title")
        drawn = _rows(table)
        anywhere = options.update(width=_ANY_WIDTH)
        if Measurement.get(console, anywhere, drawn).minimum > options.max_width:
            drawn = _rows(table, narrow=True)
            around = Measurement.get(console, anywhere, drawn).maximum - sum(_lengths(table, "\n"))
            _fit(drawn, table, options.max_width - around)
        for line in console.render_lines(drawn, options, pad=False):
            yield from _without_blanks(line)
            yield Segment.line()
        if table.notes:
            yield Text(visible("\n".join(table.notes)), style="table.caption")


def _fit(drawn: RichTable, table: Table, space: int) -> None:
    """Give columns widths that fit into ``space`` characters, if whole numbers and headings do."""
    widths, words = _lengths(table, "\n"), _lengths(table, None)
    some = [
        word if column.numeric else min(word, _PART)
        for column, word in zip(table.columns, words, strict=True)
    ]
    least = next((each for each in (words, some) if sum(each) <= space), None)
    if least is None:
        return
    while sum(widths) > space:
        _, widest = max((width, n) for n, width in enumerate(widths) if width > least[n])
        widths[widest] -= 1
    for column, width in zip(drawn.columns, widths, strict=True):
        column.width = width


def _lengths(table: Table, between: str | None) -> list[int]:
    """Return for each column the length of the longest text between separators (None: blanks)."""
    rows = [[_text(each).plain for each in row] for row in table.rows()]
    return [
        max(
            cell_len(part)
            for text in (visible(column.heading), *(row[n] for row in rows if n < len(row)))
            for part in text.split(between) or [""]
        )
        for n, column in enumerate(table.columns)
    ]


def _without_blanks(line: Sequence[Segment]) -> Iterator[Segment]:
    """Yield a line up to its last character."""
    kept = list(line)
    while kept and not kept[-1].text.rstrip():
        kept.pop()
    yield from kept[:-1]
    if kept:
        last = kept[-1]
        yield Segment(last.text.rstrip(), last.style, last.control)


def _rows(table: Table, *, narrow: bool = False) -> RichTable:
    """Return headings and rows; if ``narrow`` every cell may wrap, and columns stand closer."""
    drawn = RichTable(
        box=box.SIMPLE_HEAD if table.framed else None,
        show_header=table.framed,
        padding=(0, 1, 0, 0) if table.dense or narrow else (0, 1),
    )
    for column in table.columns:
        _add_column(drawn, column, narrow)
    for section in table.sections:
        if section.title:
            drawn.add_row(Text(visible(section.title), style="italic"))
        for row in section.rows:
            drawn.add_row(*map(_text, row))
        drawn.add_section()
    return drawn


def _add_column(drawn: RichTable, column: Column, narrow: bool) -> None:
    drawn.add_column(
        Text(visible(column.heading)),
        justify="right" if column.numeric else "left",
        no_wrap=column.wrap == "never" and not narrow,
        overflow="fold",
        min_width=None if narrow else column.min_width,
    )


def _text(cell: Cell) -> Text:
    parts = [(visible(span.text), _STYLES.get(span.emphasis, span.emphasis)) for span in cell.spans]
    return Text.assemble(*parts, "*" if cell.star else "")
