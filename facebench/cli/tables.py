"""``facebench table`` and ``facebench compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli.options import mendable


@mendable
def table_(
    number: Annotated[int, typer.Argument(help="Of the paper's table, 1 to 7.")],
    results: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of results [default: results/runs]."),
    ] = None,
    synthetic: Annotated[
        Optional[bool],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            "--synthetic/--real", help="One kind of data alone (default: a table of each)."
        ),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text, md, latex, csv, html or json.")
    ] = "text",
    rows: Annotated[
        str, typer.Option(help="all runs, or matched: one per method, at the same budget.")
    ] = "all",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write it there and not to the terminal."),
    ] = None,
) -> None:
    """Lay out a table of the paper: printed numbers and ours side by side.

    Before there are results it shows the printed numbers alone.
    """
    from facebench.cli.table_commands import table_command

    table_command(number, results, synthetic, format_, rows, out)


@mendable
def compare(
    first: Annotated[Path, typer.Argument(help="A result's JSON file.")],
    second: Annotated[Path, typer.Argument(help="Another one, of the same task.")],
) -> None:
    """Compare two results on the same test items: difference, interval, p value."""
    from facebench.cli.table_commands import compare_command

    compare_command(first, second)
