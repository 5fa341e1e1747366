"""A table as HTML: a fragment that needs no style sheet, no script and no network."""

from __future__ import annotations

import html

from facebench.rendering.characters import visible
from facebench.rendering.table import Cell, Section, Table


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
    cells = [
        f'<th colspan="{columns}" scope="colgroup">{escape(text)}</th>'
        if text
        else f'<td colspan="{columns}"></td>'
        for text, columns in table.upper
    ]
    return f"<tr>{''.join(cells)}</tr>" if cells else ""


def _lower(table: Table) -> str:
    cells = [
        f'<th scope="col">{_broken(column.heading)}</th>' if column.heading else "<td></td>"
        for column in table.columns
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _section(table: Table, section: Section) -> list[str]:
    lines = ["<tbody>"]
    if section.title:
        lines.append(
            f'<tr><th colspan="{len(table.columns)}" scope="rowgroup" style="text-align:left;'
            f'border-top:1px solid">{escape(section.title)}</th></tr>'
        )
    return [*lines, *(_row(table, row) for row in section.rows), "</tbody>"]


def _row(table: Table, row: tuple[Cell, ...]) -> str:
    cells = []
    for place, (column, cell) in enumerate(zip(table.columns, row, strict=False)):
        side = "right" if column.numeric else "left"
        text = _cell(cell)
        kind = 'th scope="row"' if place == 0 and text else "td"
        style = f"text-align:{side};font-weight:normal;padding:.1em .5em"
        cells.append(f'<{kind} style="{style}">{text}</{kind[:2]}>')
    return f"<tr>{''.join(cells)}</tr>"


def _cell(cell: Cell) -> str:
    parts = []
    for place, span in enumerate(cell.spans):
        last = place == len(cell.spans) - 1
        text = _broken(span.text) + ("*" if cell.star and last else "")
        parts.append(f"<strong>{text}</strong>" if span.emphasis == "bold" else text)
    return "".join(parts)


def _broken(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def escape(text: str) -> str:
    """Return text escaped for HTML, also within attributes, without formatting characters."""
    return html.escape(visible(text))
