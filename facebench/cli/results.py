"""``facebench results``: a folder of results as a thing that a group keeps and shares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli.options import Cache, Data, Plugins, mendable

results_app = typer.Typer(
    help="Folders of results: check them, bring them together, hand them on.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Argument(help="A folder of results.")]


@results_app.command()
@mendable
def validate(folder: Folder) -> None:
    """Check every result: form, name, hashes; every score is computed again.

    Exit status 0 if all is well, 1 if anything is wrong, 2 if there is nothing to check.
    """
    from facebench.cli.results_commands import validate_command

    validate_command(folder)


@results_app.command()
@mendable
def merge(
    sources: Annotated[list[Path], typer.Argument(help="Folders of results.")],
    into: Annotated[Path, typer.Option(help="Folder that they are copied to.")],
) -> None:
    """Copy results into one folder; all of them, or none if one is wrong or contradicts."""
    from facebench.cli.results_commands import merge_command

    merge_command(sources, into)


@results_app.command()
@mendable
def export(
    folder: Folder,
    format_: Annotated[str, typer.Option("--format", help="csv, parquet or json.")] = "csv",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="File to write; csv and json go to the terminal without it."),
    ] = None,
) -> None:
    """Write one long table: a row for each result, protocol and metric."""
    from facebench.cli.results_commands import export_command

    export_command(folder, format_, out)


@mendable
def verify(
    result: Annotated[Path, typer.Argument(help="A result's JSON file.")],
    checkpoint: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of its checkpoint, if that is not in the cache."),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="By how much scores may differ.")] = 0.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    data: Data = None,
    cache: Cache = None,
    plugin: Plugins = None,
) -> None:
    """Run a stored result again from its checkpoint, and say whether the same comes out.

    Exit status 0 if dataset, weights and every score are the same, 1 if one is not, 2 if it cannot
    be run.
    """
    from facebench.cli.results_commands import verify_command

    verify_command(
        result, checkpoint=checkpoint, tolerance=tolerance, device=device, data=data, cache=cache,
        plugins=tuple(plugin or ()),
    )  # fmt: skip
