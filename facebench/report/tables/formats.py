"""A table as text, Markdown, LaTeX, HTML, CSV or JSON; a pure function of the table.

Text, Markdown, LaTeX and HTML draw the grid (:mod:`facebench.report.tables.grid`) with rounded
numbers; CSV and JSON hold every number as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from facebench.errors import UnknownNameError
from facebench.rendering.html import html_table
from facebench.rendering.latex import latex_table
from facebench.rendering.markdown import markdown_table
from facebench.rendering.text import text_table
from facebench.report.tables.grid import grid
from facebench.report.tables.model import PaperTable
from facebench.report.tables.records import table_csv, table_json


def render(tables: Sequence[PaperTable], form: str, width: int | None = None) -> str:
    """Return tables in one of ``FORMATS``, with a newline at the end.

    Args:
        tables: The tables.
        form: Name of the format.
        width: Characters of a line of ``text``, for a terminal; None: as many as there are.

    Raises:
        UnknownNameError: There is no such format.
        SpecError: A CSV of real and synthetic data together, which must not mix.
    """
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    if form == "text" and width is not None:
        return "\n\n".join(_within(table, width) for table in tables) + "\n"
    return FORMATS[form](tables)


def _text(tables: Sequence[PaperTable]) -> str:
    return "\n\n".join(text_table(grid(table)) for table in tables) + "\n"


def _within(table: PaperTable, width: int) -> str:
    """Return a table as text, side by side where that has space, else below each other."""
    whole = text_table(grid(table))
    if max(len(line) for line in whole.splitlines() if set(line) == {"-"}) <= width:
        return text_table(grid(table), width)
    return text_table(grid(table, stacked=True), width)


def _markdown(tables: Sequence[PaperTable]) -> str:
    return "\n".join(markdown_table(grid(table)) for table in tables)


def _latex(tables: Sequence[PaperTable]) -> str:
    return "\n".join(latex_table(grid(table)) for table in tables)


def _html(tables: Sequence[PaperTable]) -> str:
    return "\n".join(html_table(grid(table)) for table in tables)


FORMATS: dict[str, Callable[[Sequence[PaperTable]], str]] = {
    "text": _text,
    "md": _markdown,
    "latex": _latex,
    "csv": table_csv,
    "html": _html,
    "json": table_json,
}
