"""``facebench table``: a table of the paper, with ours beside the published numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import DEFAULT_RESULTS, KindOfData, ReportFile, StoredResults
from facebench.errors import UnknownNameError

if TYPE_CHECKING:
    from facebench.api.results import Results


@command
def table(
    number: Annotated[
        str,
        typer.Argument(
            help="Of the paper's table, 1 to 7; or modern, of later methods.",
            autocompletion=completion.among(*"1234567", "modern"),
        ),
    ],
    results: StoredResults = None,
    synthetic: KindOfData = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="text, md, latex, csv, html or json.",
            autocompletion=completion.among("text", "md", "latex", "csv", "html", "json"),
        ),
    ] = "text",
    rows: Annotated[
        str,
        typer.Option(
            help="all runs, or matched: one per method, at the same budget.",
            autocompletion=completion.among("all", "matched"),
        ),
    ] = "all",
    out: ReportFile = None,
) -> None:
    """Lay out a table of the paper: published numbers and ours side by side.

    Before there are results it shows the published numbers alone.
    """
    from facebench.report.tables.formats import FORMATS
    from facebench.runtime import terminal
    from facebench.runtime.atomic import atomic_write

    terminal.log_to_terminal(False)
    if format_ not in FORMATS:
        raise UnknownNameError("format", format_, FORMATS)
    found = _results_to_show(results, synthetic)
    width = terminal.out.width if out is None and terminal.out.is_terminal else None
    written = found.table(number, format_, synthetic=synthetic, rows=rows, width=width)
    if out is None:
        terminal.out.file.write(written)
        return
    atomic_write(out, written)
    terminal.err.print(f"table {number}: {out}", soft_wrap=True)


def _results_to_show(folder: Path | None, synthetic: bool | None) -> Results:
    """Return the results of a folder; none where nothing was run and printed numbers suffice."""
    from facebench.api.results import Results, load_results
    from facebench.runtime.terminal import err

    if folder is None and not synthetic and not DEFAULT_RESULTS.exists():
        err.print(f"no results in {DEFAULT_RESULTS}: the published numbers alone", soft_wrap=True)
        return Results([])
    return load_results(folder or DEFAULT_RESULTS)
