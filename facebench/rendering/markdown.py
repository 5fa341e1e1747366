"""A table as GitHub's Markdown, which has one line of headings and none among its rows."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

from facebench.rendering.table import Cell, Table


def markdown_table(table: Table) -> str:
    """Return a table with its title and notes, and a newline at the end."""
    notes = [f"- {marked(note)}" for note in table.notes]
    return "\n".join([f"**{marked(table.title)}**", "", grid(table), "", *notes]) + "\n"


def grid(table: Table, left: str = ":--", right: str = "--:") -> str:
    """Return headings and rows alone, without a newline at the end.

    Args:
        table: The table.
        left: Delimiter below the heading of a column of words.
        right: Delimiter below the heading of a column of numbers.
    """
    upper = [text for text, columns in table.upper for _ in range(columns)]
    upper = upper or [""] * len(table.columns)
    heads = [
        "<br>".join(marked(part) for part in (above, *column.heading.split("\n")) if part)
        for above, column in zip(upper, table.columns, strict=True)
    ]
    sides = [right if column.numeric else left for column in table.columns]
    lines = [_piped(heads), _piped(sides)]
    for section in table.sections:
        if section.title:
            lines.append(_piped([f"*{marked(section.title)}*", *[""] * (len(heads) - 1)]))
        lines += [_piped([_cell(cell) for cell in row]) for row in section.rows]
    return "\n".join(lines)


def readable(text: str) -> str:
    """Return foreign text without control and bidirectional formatting characters."""
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(kept.split())


def marked(text: str) -> str:
    """Return text escaped for Markdown, also within tables."""
    return re.sub(r"([\\`*_\[\]{}|~#])", r"\\\1", html.escape(readable(text), quote=False))


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    """Each line of a cell by itself: markup may not reach over a line's end."""
    lines: list[list[str]] = [[]]
    for span in cell.spans:
        for place, part in enumerate(span.text.split("\n")):
            if place:
                lines.append([])
            text = marked(part)
            if text and span.emphasis == "bold":
                text = f"**{text}**"
            elif text and span.emphasis == "dim":
                text = f"<sub>{text}</sub>"
            lines[-1].append(text)
    return "<br>".join("".join(line) for line in lines) + ("\\*" if cell.star else "")
