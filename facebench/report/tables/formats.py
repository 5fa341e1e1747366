"""A table as text, Markdown, LaTeX, HTML, CSV or JSON; a pure function of the table.

Text, Markdown, LaTeX and HTML draw the grid (:mod:`facebench.report.tables.grid`) with rounded
numbers; CSV and JSON hold every number as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from facebench.errors import UnknownNameError
from facebench.report.tables.grid import Grid, GridCell, grid
from facebench.report.tables.html import html
from facebench.report.tables.latex import latex
from facebench.report.tables.model import PaperTable
from facebench.report.tables.records import table_csv, table_json


def render(tables: Sequence[PaperTable], form: str) -> str:
    """Return tables in one of ``FORMATS``, with a newline at the end.

    Raises:
        UnknownNameError: There is no such format.
        SpecError: A CSV of real and synthetic data together, which must not mix.
    """
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    return FORMATS[form](tables)


def _text(tables: Sequence[PaperTable]) -> str:
    return "\n\n".join(_text_table(grid(table)) for table in tables) + "\n"


def _text_table(table: Grid) -> str:
    """Columns padded to their widest cell; bold is marked, since text knows none."""
    body = [[_plain(cell) for cell in row.cells] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(table.lower, *body, strict=True)]
    start = 0
    for span in table.upper:  # an upper heading may be wider than what is below it
        own = range(start, start + span.columns)
        missing = len(span.text) - (sum(widths[c] for c in own) + 2 * (span.columns - 1))
        widths[own[-1]] += max(0, missing)
        start += span.columns

    def line(cells: Sequence[str]) -> str:
        padded = [
            text.ljust(width) if place < table.labels else text.rjust(width)
            for place, (text, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    heads, start = [], 0
    for span in table.upper:
        below = sum(widths[start : start + span.columns]) + 2 * (span.columns - 1)
        heads.append(span.text.center(below))
        start += span.columns
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [table.title, rule, "  ".join(heads).rstrip(), line(table.lower), rule]
    at = 0
    for section, rows in table.sections():
        lines += [rule] if at else []
        lines += [section] if section else []
        lines += [line(cells) for cells in body[at : at + len(rows)]]
        at += len(rows)
    return "\n".join([*lines, rule, *(note.replace("Bold:", "[ ]:") for note in table.notes)])


def _plain(cell: GridCell) -> str:
    text = f"{cell.text}*" if cell.star else cell.text
    return f"[{text}]" if cell.bold else text


def _markdown(tables: Sequence[PaperTable]) -> str:
    return "\n".join(_markdown_table(grid(table)) for table in tables)


def _markdown_table(table: Grid) -> str:
    """A table of GitHub, which has one line of headings, and no headings among its rows."""
    upper = [span.text for span in table.upper for _ in range(span.columns)]
    heads = [
        "<br>".join(_markdown_text(part) for part in (a, b) if part)
        for a, b in zip(upper, table.lower, strict=True)
    ]
    marks = [":--" if place < table.labels else "--:" for place in range(len(heads))]
    lines = [f"**{_markdown_text(table.title)}**", "", _piped(heads), _piped(marks)]
    for section, rows in table.sections():
        if section:
            lines.append(_piped([f"*{_markdown_text(section)}*", *[""] * (len(heads) - 1)]))
        lines += [_piped([_markdown_cell(cell) for cell in row.cells]) for row in rows]
    notes = [f"- {_markdown_text(note)}" for note in table.notes]
    return "\n".join([*lines, "", *notes]) + "\n"


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: GridCell) -> str:
    text = _markdown_text(cell.text) + ("\\*" if cell.star else "")
    return f"**{text}**" if cell.bold else text


def _markdown_text(text: str) -> str:
    """Escape what GitHub would take for markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", " ".join(text.split()))


FORMATS: dict[str, Callable[[Sequence[PaperTable]], str]] = {
    "text": _text,
    "md": _markdown,
    "latex": latex,
    "csv": table_csv,
    "html": html,
    "json": table_json,
}
