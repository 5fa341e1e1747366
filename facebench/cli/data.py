"""``facebench data``: which datasets there are, and whether they are those of the papers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli.options import Cache, Data, Plugins, mendable

data_app = typer.Typer(
    help="Datasets: which are there, complete and free of leaks, and how to get them.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="A task, as 'facebench list tasks' names it.")]


@data_app.command("list")
@mendable
def list_(data: Data = None, plugin: Plugins = None) -> None:
    """List the datasets: found where, real or synthetic, complete or not."""
    from facebench.cli.data_commands import show_inventory

    show_inventory(data, tuple(plugin or ()))


@data_app.command()
@mendable
def info(task: Name, plugin: Plugins = None) -> None:
    """Show what a dataset is, under which licence, and how to get and unpack it."""
    from facebench.cli.data_commands import show_info

    show_info(task, tuple(plugin or ()))


@data_app.command()
@mendable
def check(
    task: Name,
    data: Data = None,
    cache: Cache = None,
    json: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write the report to this file."),
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Check a dataset: counts, every image, labels, pairs, leaks, fingerprint.

    Exit status 0 if it is the expected one (warnings allowed: duplicates of the published dataset
    are one), 1 if something is wrong, 2 if there is nothing to check.
    """
    from facebench.cli.data_commands import check_command

    check_command(task, data, cache, json, tuple(plugin or ()))


@data_app.command()
@mendable
def get(
    task: Name,
    out: Annotated[
        Path,
        typer.Option(envvar="FACEBENCH_DATA", help="Folder of datasets to download into."),
    ] = Path("data"),
    plugin: Plugins = None,
) -> None:
    """Download a dataset that is public; say how to get any other."""
    from facebench.cli.data_commands import get_command

    get_command(task, out, tuple(plugin or ()))


@data_app.command()
@mendable
def synth(
    task: Name,
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.")],
    scale: Annotated[float, typer.Option(help="Factor on the number of images.")] = 1.0,
    plugin: Plugins = None,
) -> None:
    """Write a dataset's synthetic stand-in: rendered faces in its own layout, marked as such."""
    from facebench.cli.data_commands import synth_command

    synth_command(task, out, scale, tuple(plugin or ()))
