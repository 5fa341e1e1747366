"""``facebench check``: whether a plugin keeps its contract."""

from __future__ import annotations

from typing import Annotated

import typer

import facebench as fb
from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import Plugins


@command
def check(
    name: Annotated[
        str, typer.Argument(help="A method, task or backbone.", autocompletion=completion.plugins)
    ],
    plugins: Plugins = None,
) -> None:
    """Run the contract test on a plugin, yours or a built-in one."""
    from facebench.runtime.terminal import out

    for line in fb.check_plugin(name, plugins=plugins or ()):
        out.print(line)
