"""Options that commands of ``facebench figure`` share, and how they end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facebench.cli import completion

Out = Annotated[Path, typer.Option(help="Where to draw it; ends in .png or .svg.")]
Learned = Annotated[Path, typer.Argument(help="A checkpoint's folder, or a result's JSON file.")]
Protocol = Annotated[
    str,
    typer.Option(
        help="validated or test-selected.",
        autocompletion=completion.among("validated", "test-selected"),
    ),
]
Several = Annotated[list[Path], typer.Argument(help="JSON files of results, or folders of them.")]
Width = Annotated[
    str,
    typer.Option(
        help="screen, or a column of a paper: cvpr, cvpr-wide, ieee, ieee-wide; the title is then "
        "in NAME.caption.txt [default: screen].",
        autocompletion=completion.among("screen", "cvpr", "cvpr-wide", "ieee", "ieee-wide"),
    ),
]


def say(written: Path, place: str = "") -> None:
    """Print the file that was drawn; on a terminal its place among others before it."""
    from facebench.runtime.terminal import out

    line = f"{place}{written}" if out.is_terminal else str(written)
    out.print(line, soft_wrap=True, highlight=False, markup=False)
