"""``facebench import``: the authors' own weights become a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import Cache, Plugins, Prefix


@command
def import_(
    what: Annotated[
        str, typer.Argument(help="The method whose weights they are, or a backbone (timm:NAME).")
    ],
    file: Annotated[Path, typer.Argument(help="A file of weights, of any format that is read.")],
    prefix: Prefix = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make [default: one in the cache].")
    ] = None,
    cache: Cache = None,
    plugins: Plugins = None,
) -> None:
    """Turn weights of other code into a checkpoint; nothing in the file is run."""
    from facebench.runtime import terminal
    from facebench.weights.summary import import_table

    made = fb.import_weights(what, file, prefix=prefix, out=out, cache=cache, plugins=plugins or ())
    method = made.spec["method"]
    terminal.out.print(import_table(made))
    terminal.out.print(f"checkpoint: {made.folder}", soft_wrap=True)
    terminal.out.print(
        f"next: facebench run --method {method} --checkpoint {made.folder} --task rafdb",
        soft_wrap=True,
    )
