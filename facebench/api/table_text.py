"""Tables of the paper as text that a notebook shows as tables."""

from __future__ import annotations

from collections.abc import Sequence

from facebench.report.tables.formats import render
from facebench.report.tables.model import PaperTable


class TableText(str):
    """Tables as text, which a console prints as it is and a notebook shows as HTML.

    Args:
        text: The text.
        tables: The tables.
    """

    _tables: tuple[PaperTable, ...]

    def __new__(cls, text: str, tables: Sequence[PaperTable] = ()) -> TableText:
        """Return the text, with its tables beside it."""
        written = super().__new__(cls, text)
        written._tables = tuple(tables)
        return written

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return render(self._tables, "html")
