"""A table for a terminal, by rich; the only module that makes tables of rich."""

from __future__ import annotations

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from facebench.rendering.characters import visible
from facebench.rendering.table import Cell, Column, Emphasis, Table

_STYLES: dict[Emphasis, str] = {
    "good": "green", "note": "cyan", "warning": "yellow", "bad": "bold red",
}  # fmt: skip


def terminal_table(table: Table) -> RichTable:
    """Return a table that a console prints. No text of it is taken for markup."""
    notes = visible("\n".join(table.notes))
    drawn = RichTable(
        title=Text(visible(table.title), style="table.title") if table.title else None,
        caption=Text(notes, style="table.caption") if notes else None,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD if table.framed else None,
        show_header=table.framed,
        padding=(0, 1, 0, 0) if table.dense else (0, 1),
    )
    for column in table.columns:
        _add_column(drawn, column)
    for section in table.sections:
        if section.title:
            drawn.add_row(Text(visible(section.title), style="italic"))
        for row in section.rows:
            drawn.add_row(*map(_text, row))
        drawn.add_section()
    return drawn


def _add_column(drawn: RichTable, column: Column) -> None:
    drawn.add_column(
        Text(visible(column.heading)),
        justify="right" if column.numeric else "left",
        no_wrap=column.wrap == "never",
        overflow="fold" if column.wrap == "fold" else "ellipsis",
        min_width=column.min_width,
    )


def _text(cell: Cell) -> Text:
    parts = [(visible(span.text), _STYLES.get(span.emphasis, span.emphasis)) for span in cell.spans]
    return Text.assemble(*parts, "*" if cell.star else "")
