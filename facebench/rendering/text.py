"""A table as plain text: columns padded to their widest cell, bold in square brackets."""

from __future__ import annotations

from collections.abc import Sequence

from facebench.rendering.characters import one_line
from facebench.rendering.table import Cell, Table, plain


def text_table(table: Table) -> str:
    """Return a table whose cells and headings have one line each; no newline at the end."""
    body = [[_marked(cell) for cell in row] for row in table.rows()]
    lower = [one_line(column.heading) for column in table.columns]
    widths = [max(map(len, column)) for column in zip(lower, *body, strict=True)]
    start = 0
    for text, columns in _upper_headings(table):  # may be wider than what is below
        own = range(start, start + columns)
        missing = len(text) - (sum(widths[c] for c in own) + 2 * (columns - 1))
        widths[own[-1]] += max(0, missing)
        start += columns

    def line(cells: Sequence[str]) -> str:
        padded = [
            text.rjust(width) if column.numeric else text.ljust(width)
            for column, text, width in zip(table.columns, cells, widths, strict=True)
        ]
        return "  ".join(padded).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [one_line(table.title), rule, _upper(table, widths), line(lower), rule]
    at = 0
    for section in table.sections:
        lines += [rule] if at else []
        lines += [one_line(section.title)] if section.title else []
        lines += [line(cells) for cells in body[at : at + len(section.rows)]]
        at += len(section.rows)
    return "\n".join(
        [*lines, rule, *(one_line(note).replace("Bold:", "[ ]:") for note in table.notes)]
    )


def _upper_headings(table: Table) -> list[tuple[str, int]]:
    return [(one_line(text), columns) for text, columns in table.upper]


def _upper(table: Table, widths: Sequence[int]) -> str:
    heads, start = [], 0
    for text, columns in _upper_headings(table):
        heads.append(text.center(sum(widths[start : start + columns]) + 2 * (columns - 1)))
        start += columns
    return "  ".join(heads).rstrip()


def _marked(cell: Cell) -> str:
    bold = any(span.emphasis == "bold" for span in cell.spans)
    text = one_line(plain(cell))
    return f"[{text}]" if bold else text
