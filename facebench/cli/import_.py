"""``facebench import``: the authors' own weights become a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli.options import Cache, Plugins, mendable


@mendable
def import_(
    what: Annotated[
        str, typer.Argument(help="The method whose weights they are, or a backbone (timm:NAME).")
    ],
    file: Annotated[Path, typer.Argument(help="A .pth, .pt, .tar or .safetensors file.")],
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder to make [default: one in the cache]."),
    ] = None,
    cache: Cache = None,
    plugin: Plugins = None,
) -> None:
    """Turn weights of other code into a checkpoint; nothing in the file is run."""
    from facebench.api.models import import_weights
    from facebench.runtime.terminal import out as terminal
    from facebench.weights.summary import import_table

    made = import_weights(what, file, out=out, cache=cache, plugins=plugin or ())
    method = made.spec["method"]
    terminal.print(import_table(made))
    terminal.print(f"checkpoint: {made.folder}", soft_wrap=True)
    terminal.print(
        f"next: facebench run --method {method} --checkpoint {made.folder} --task rafdb",
        soft_wrap=True,
    )
