"""``facebench leaderboard``: what was measured, ranked task by task."""

from __future__ import annotations

from typing import Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import DEFAULT_RESULTS, ReportFile, StoredResults
from facebench.errors import UnknownNameError


@command
def leaderboard(
    results: StoredResults = None,
    format_: Annotated[
        str, typer.Option("--format", help="text, md, or html (one file, no network).")
    ] = "text",
    out: ReportFile = None,
) -> None:
    """Rank what was measured, task by task, with intervals and where each score comes from."""
    from facebench.report.board.written import FORMATS, show, written
    from facebench.runtime import terminal
    from facebench.runtime.cores import cores

    terminal.log_to_terminal(False)
    if format_ not in FORMATS:
        raise UnknownNameError("format", format_, FORMATS)
    found = fb.load_results(results or DEFAULT_RESULTS)
    if out is not None:
        found.leaderboard(out, format_, processes=cores())
        terminal.err.print(f"leaderboard of {len(found):,} results: {out}", soft_wrap=True)
    elif format_ == "text":
        show(found.board(processes=cores()), terminal.out)
    else:
        terminal.out.file.write(written(found.board(processes=cores()), format_))
