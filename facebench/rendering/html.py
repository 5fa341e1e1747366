"""A table as HTML: a fragment that needs no style sheet, no script and no network."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import takewhile

from facebench.rendering.characters import visible
from facebench.rendering.table import Cell, Column, Section, Table


def html_table(table: Table) -> str:
    """Return a table as a figure, to put into any page."""
    identity = f' id="facebench-{table.label}"' if table.label else ""
    # What scrolls sideways can be scrolled with the keyboard, too.
    lines = [
        f'<figure{identity} tabindex="0" style="overflow-x:auto;margin:1em 0">',
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">',
        f'<caption style="text-align:left">{escape(table.title)}</caption>',
        f"<thead>{_upper(table)}{_lower(table)}</thead>" if table.framed else "",
    ]
    lines = [line for line in lines if line]
    for section in table.sections:
        lines += _section(table, section)
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.notes)
    end = ["</table>", f'<figcaption style="font-size:smaller">{notes}</figcaption>', "</figure>"]
    return "\n".join([*lines, *end]) + "\n"


def _upper(table: Table) -> str:
    if not any(text for text, _ in table.upper):
        return ""
    cells = [
        f'<th colspan="{columns}" scope="colgroup">{escape(text)}</th>'
        if text
        else f'<td colspan="{columns}"></td>'
        for text, columns in table.upper
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _lower(table: Table) -> str:
    cells = [
        f'<th scope="col" style="text-align:{_side(column)}">{_broken(column.heading)}</th>'
        if column.heading
        else "<td></td>"
        for column in table.columns
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _section(table: Table, section: Section) -> list[str]:
    lines = ["<tbody>"]
    if section.title:
        lines.append(
            f'<tr><th colspan="{len(table.columns)}" scope="rowgroup" style="text-align:left;'
            f'border-top:1px solid"><span>{escape(section.title)}</span></th></tr>'
        )
    rows = [_row(table, section.rows[place:]) for place in range(len(section.rows))]
    return [*lines, *rows, "</tbody>"]


def _row(table: Table, rows: Sequence[tuple[Cell, ...]]) -> str:
    """Return the first of some rows; its cells reach down as far as those below are joined."""
    cells = []
    for place, (column, cell) in enumerate(zip(table.columns, rows[0], strict=False)):
        if cell.joined:
            continue
        height = _height(rows, place)
        text = _cell(cell)
        kind = 'th scope="row"' if place == 0 and text else "td"
        span = f' rowspan="{height}"' if height > 1 else ""
        top = ";vertical-align:top" if height > 1 else ""
        style = f"text-align:{_side(column)};font-weight:normal;padding:.1em .5em{top}"
        cells.append(f'<{kind}{span} style="{style}">{text}</{kind[:2]}>')
    return f"<tr>{''.join(cells)}</tr>"


def _side(column: Column) -> str:
    return "right" if column.numeric else "left"


def _height(rows: Sequence[tuple[Cell, ...]], place: int) -> int:
    """Return of how many rows the cell at a place of the first is."""
    below = takewhile(lambda row: row[place].joined, rows[1:])
    return 1 + sum(1 for _ in below)


def _cell(cell: Cell) -> str:
    parts = []
    for place, span in enumerate(cell.spans):
        last = place == len(cell.spans) - 1
        text = _broken(span.text) + ("*" if cell.star and last else "")
        parts.append(f"<strong>{text}</strong>" if span.emphasis == "bold" else text)
    return "".join(parts)


def _broken(text: str) -> str:
    signed = re.sub(r"^-(?=[0-9])", "\u2212", text)  # a minus, not a hyphen
    return escape(signed).replace("\n", "<br>")


def escape(text: str) -> str:
    """Return text escaped for HTML, also within attributes, without formatting characters."""
    return html.escape(visible(text))
