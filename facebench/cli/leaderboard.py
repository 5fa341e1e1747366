"""``facebench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli.options import mendable


@mendable
def leaderboard(
    results: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results/runs"),
    format_: Annotated[
        str, typer.Option("--format", help="text, md, or html (one file, no network).")
    ] = "text",
    out: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(help="Write it there and not to the terminal."),
    ] = None,
) -> None:
    """Rank what was measured, task by task, with intervals and where each score comes from."""
    from facebench.cli.leaderboard_command import leaderboard_command

    leaderboard_command(results, format_, out)
