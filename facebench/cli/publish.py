"""``facebench publish``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli.options import mendable


@mendable
def publish(
    results: Annotated[Path, typer.Argument(help="Folder of results.")],
    out: Annotated[Path, typer.Option(help="Folder of the tables and pages.")],
    document: Annotated[
        Optional[list[Path]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            help="A Markdown file whose '<!-- published: FILE -->' blocks are filled; may be "
            "repeated."
        ),
    ] = None,
) -> None:
    """Write every table and the leaderboard of a folder of results; the same bytes each time."""
    from facebench.cli.publish_command import publish_command

    publish_command(results, out, tuple(document or ()))
