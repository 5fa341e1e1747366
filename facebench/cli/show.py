"""``facebench show``: one stored result."""

from __future__ import annotations

from facebench.cli.command import command
from facebench.cli.options import ResultFile


@command
def show(result: ResultFile) -> None:
    """Show one stored result: scores, intervals, and where they come from."""
    from facebench.api.results import opened
    from facebench.rendering.table import details
    from facebench.report.board.declared import Declared
    from facebench.report.curves import curves_table
    from facebench.report.render import detail_rows, tables
    from facebench.runtime.terminal import out

    stored = opened(result)
    for table in tables([stored]):
        out.print(table)
    if (curves := curves_table(stored.record.pretrain.history)) is not None:
        out.print(curves)
    out.print(details(detail_rows(stored.record, Declared().classes(stored.record))))
