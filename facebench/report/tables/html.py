"""A table as HTML: a fragment to put into any page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from facebench.report.tables.grid import Grid, GridRow, grid
from facebench.report.tables.model import PaperTable


def html(tables: Sequence[PaperTable]) -> str:
    """Return tables as HTML."""
    return "\n".join(_html_table(grid(table)) for table in tables)


def _html_table(table: Grid) -> str:
    """A fragment that needs nothing around it: no style sheet, no script, no network."""
    upper = "".join(
        f'<th colspan="{span.columns}" scope="colgroup">{escape(span.text)}</th>'
        if span.text
        else f'<td colspan="{span.columns}"></td>'
        for span in table.upper
    )
    lower = "".join(f'<th scope="col">{escape(text)}</th>' for text in table.lower)
    lines = [
        f'<figure id="facebench-{table.label}" style="overflow-x:auto;margin:1em 0">',
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">',
        f'<caption style="text-align:left">{escape(table.title)}</caption>',
        f"<thead><tr>{upper}</tr><tr>{lower}</tr></thead>",
    ]
    for section, rows in table.sections():
        lines.append("<tbody>")
        if section:
            width = len(table.lower)
            lines.append(
                f'<tr><th colspan="{width}" scope="rowgroup" style="text-align:left;'
                f'border-top:1px solid">{escape(section)}</th></tr>'
            )
        lines += [_html_row(row, table.labels) for row in rows]
        lines.append("</tbody>")
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.notes)
    end = ["</table>", f'<figcaption style="font-size:smaller">{notes}</figcaption>', "</figure>"]
    return "\n".join([*lines, *end]) + "\n"


def _html_row(row: GridRow, labels: int) -> str:
    cells = []
    for place, cell in enumerate(row.cells):
        text = escape(cell.text) + ("*" if cell.star else "")
        text = f"<strong>{text}</strong>" if cell.bold else text
        side = "left" if place < labels else "right"
        kind = 'th scope="row"' if place == 0 else "td"
        style = f"text-align:{side};font-weight:normal;padding:.1em .5em"
        cells.append(f'<{kind} style="{style}">{text}</{kind[:2]}>')
    return f"<tr>{''.join(cells)}</tr>"
