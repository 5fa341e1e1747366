"""``facebench new``: a plugin package to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import facebench as fb
from facebench.cli import completion
from facebench.cli.command import command


@command
def new(
    kind: Annotated[
        str,
        typer.Argument(help="method or task.", autocompletion=completion.among("method", "task")),
    ],
    name: Annotated[str, typer.Argument(help="Its name: lower-case letters, digits, _.")],
    into: Annotated[
        Path, typer.Option(help="Folder in which the package's folder is made.")
    ] = Path(),
) -> None:
    """Write a working plugin package: one file, one test, ready to be installed."""
    from facebench.runtime.terminal import out

    folder = fb.new_plugin(kind, name, into=into)
    out.print(f"wrote {folder}", soft_wrap=True)
    out.print(
        f"next: python -m pip install -e {folder} && python -m pytest {folder}", soft_wrap=True
    )
    out.print(f"then: facebench check {name}", soft_wrap=True)
