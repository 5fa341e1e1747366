"""``facebench list``: plugins, and who provides them."""

from __future__ import annotations

from typing import Annotated

import typer

import facebench as fb
from facebench.cli.command import command
from facebench.cli.options import Plugins


@command
def list_(
    kind: Annotated[str, typer.Argument(help="methods, tasks or backbones.")],
    plugins: Plugins = None,
) -> None:
    """List methods, tasks or backbones, and who provides them."""
    from facebench.runtime.terminal import out, plugin_table

    out.print(plugin_table(kind, fb.list_plugins(kind, plugins=plugins or ())))
