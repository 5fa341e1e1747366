"""A table as data: cells of text with their emphasis; every format draws it in its own way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import RenderableType

Emphasis = Literal["", "bold", "dim", "italic", "good", "note", "warning", "bad"]
Wrap = Literal["words", "never"]  # what becomes of a text that is too wide


@dataclass(frozen=True)
class Span:
    """Some text in one emphasis; it may have several lines."""

    text: str
    emphasis: Emphasis = ""


@dataclass(frozen=True)
class Cell:
    """Cell of a table.

    Args:
        spans: Consecutive texts; a newline in one of them begins a line.
        star: Whether a star follows, the mark of numbers that the paper's authors reproduced.
        joined: Whether it is empty because the cell above it is of this row, too.
    """

    spans: tuple[Span, ...]
    star: bool = False
    joined: bool = False


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column.

    Args:
        heading: Heading, of one or more lines.
        numeric: Whether it contains numbers, which are aligned right.
        wrap: On a terminal that is too narrow. Where that of other columns does not suffice, all
            texts wrap.
        min_width: On a terminal, in characters.
    """

    heading: str
    numeric: bool = False
    wrap: Wrap = "words"
    min_width: int | None = None


@dataclass(frozen=True)
class Section:
    """Rows that belong together; a line stands between two sections.

    Args:
        title: A heading among the rows; empty for none.
        rows: Cells, one for each column or fewer.
    """

    title: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table.

    Args:
        title: Above it; empty for none.
        columns: From left to right.
        sections: From top to bottom.
        notes: Below it.
        upper: Headings over adjacent columns, over all of them: text and number of columns.
            Empty where there are none.
        caption: The title, for a document that numbers its tables itself.
        label: Names it in a document: ``table1-real``.
        framed: It has headings, and a line below them.
        dense: On a terminal, columns stand close together.
    """

    title: str = ""
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()
    upper: tuple[tuple[str, int], ...] = ()
    caption: str = ""
    label: str = ""
    framed: bool = True
    dense: bool = False

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """Yield the rows of all sections."""
        for section in self.sections:
            yield from section.rows

    def __rich__(self) -> RenderableType:
        """Return the table for a terminal."""
        from facebench.rendering.terminal import TerminalTable

        return TerminalTable(self)

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        from facebench.rendering.html import html_table

        return html_table(self)


def cell(text: str, emphasis: Emphasis = "", *, star: bool = False) -> Cell:
    """Return a cell of one text."""
    return Cell((Span(text, emphasis),), star)


JOINED = Cell((), joined=True)


def spans(*parts: tuple[str, Emphasis]) -> Cell:
    """Return a cell of several texts, each with its emphasis."""
    return Cell(tuple(Span(*part) for part in parts))


def plain(cell: Cell) -> str:
    """Return the text of a cell, without emphasis."""
    return "".join(span.text for span in cell.spans) + ("*" if cell.star else "")


def columns(*headings: str, numeric: bool = False, wrap: Wrap = "words") -> tuple[Column, ...]:
    """Return columns that differ only in their headings."""
    return tuple(Column(heading=heading, numeric=numeric, wrap=wrap) for heading in headings)


def details(rows: Iterable[tuple[str, str]]) -> Table:
    """Return names and values as a table without headings."""
    return Table(
        columns=(Column(heading=""), Column(heading="")),
        sections=(Section("", tuple((cell(name, "bold"), cell(value)) for name, value in rows)),),
        framed=False,
    )
