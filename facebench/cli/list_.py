"""``facebench list``: plugins and who provides them, and the options of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

import facebench as fb
from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import Plugins

if TYPE_CHECKING:
    from facebench.registry import Plugin
    from facebench.rendering.table import Cell, Table
    from facebench.request.option_list import OptionInfo


@command
def list_(
    kind: Annotated[
        str,
        typer.Argument(
            help="methods, tasks, backbones, or options.", autocompletion=completion.kinds
        ),
    ] = "",
    name: Annotated[
        str,
        typer.Argument(
            help="For options: a method, a task, or pretrain, extract, align or probe.",
            autocompletion=completion.groups,
        ),
    ] = "",
    plugins: Plugins = None,
) -> None:
    """List methods, tasks or backbones, or the options of one of them."""
    from facebench.errors import SpecError
    from facebench.runtime.terminal import out

    if not kind:
        raise SpecError("list: what? Give methods, tasks, backbones, or options NAME.")
    if kind == "options":
        if not name:
            raise SpecError(
                "list options: whose? Give a method, a task, pretrain, extract, align or probe."
            )
        out.print(_options(name, fb.list_options(name, plugins=plugins or ())))
        return
    if name:
        raise SpecError(
            f"list {kind} takes no name. For the options: facebench list options {name}"
        )
    out.print(_plugins(kind, fb.list_plugins(kind, plugins=plugins or ())))


def _plugins(kind: str, plugins: Sequence[Plugin]) -> Table:
    """Return the list of plugins; a name that several distributions claim is marked."""
    from facebench.rendering.table import Section, Table, cell, columns
    from facebench.request.descriptions import description

    names = [plugin.name for plugin in plugins]
    rows = []
    for plugin in plugins:
        clash = "  (claimed twice)" if names.count(plugin.name) > 1 else ""
        provider = plugin.owner if plugin.owner != "file" else plugin.target
        rows.append((cell(plugin.name + clash, "bold"), cell(description(plugin)), cell(provider)))
    return Table(
        title=kind,
        columns=columns("name", "what it is", "provided by"),
        sections=(Section("", tuple(rows)),),
        notes=(f"options of one: facebench list options {names[0]}",)
        if kind != "backbones"
        else (),
    )


def _options(name: str, options: Sequence[OptionInfo]) -> Table:
    from facebench.rendering.table import Column, Section, Table, cell, columns, spans

    def described(option: OptionInfo) -> Cell:
        about = f"{option.about}\n" if option.about else ""
        set_by = [f"\n{layer}: {_text(value)}" for layer, value in option.said.items()]
        return spans((about, ""), (f"takes {option.allowed}{''.join(set_by)}", "dim"))

    rows = [
        (cell(option.key, "bold"), cell(_text(option.default)), described(option))
        for option in options
    ]
    return Table(
        title=f"options of {name}",
        columns=(Column(heading="--set", wrap="never"), *columns("default", "about")),
        sections=(Section("", tuple(rows)),),
    )


def _text(value: Any) -> str:
    """Return a value as ``--set`` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return ",".join(map(_text, value))
    return str(value)
