"""``facebench publish``: every table and the leaderboard of a folder of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import ResultFolder


@command
def publish(
    results: ResultFolder,
    out: Annotated[Path, typer.Option(help="Folder of the tables and pages.")],
    documents: Annotated[
        list[Path] | None,
        typer.Option(
            "--document",
            help="A Markdown file whose '<!-- published: FILE -->' blocks are filled; may be "
            "repeated.",
        ),
    ] = None,
) -> None:
    """Write every table and the leaderboard of a folder of results; the same bytes each time."""
    from facebench.runtime.terminal import err, log_to_terminal

    log_to_terminal(False)
    done = fb.publish(results, out, documents=documents or ())
    err.print(f"{len(done.files)} files of {done.results:,} results: {out}", soft_wrap=True)
