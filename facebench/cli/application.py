"""The commands: parse, call, print. Everything heavy is imported inside the command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from facebench.cli.data import data_app
from facebench.cli.disentangle import disentangle
from facebench.cli.import_ import import_
from facebench.cli.leaderboard import leaderboard
from facebench.cli.new import new
from facebench.cli.options import (
    Backbone,
    Cache,
    Data,
    DedupTest,
    Device,
    DryRun,
    Floors,
    Force,
    Limit,
    Plugins,
    Precision,
    Preset,
    PretrainData,
    Results,
    Seeds,
    Set,
    SkipBroken,
    Verbose,
    Weights,
    mendable,
)
from facebench.cli.publish import publish
from facebench.cli.result_figures import figure_app
from facebench.cli.results import results_app, verify
from facebench.cli.sweep import ablate, sweep
from facebench.cli.tables import compare, table_

app = typer.Typer(
    help="How good is this facial representation, and which way of learning it is better?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.add_typer(data_app, name="data")
app.command("table")(table_)
app.command()(compare)
app.add_typer(results_app, name="results")
app.command("verify")(verify)
app.add_typer(figure_app, name="figure")
app.command("disentangle")(disentangle)
app.command("sweep")(sweep)
app.command("ablate")(ablate)
app.command("leaderboard")(leaderboard)
app.command("publish")(publish)
app.command("import")(import_)
app.command("new")(new)


def _show_version(asked: bool) -> None:
    """Print the installed version and stop."""
    if asked:
        from importlib.metadata import version

        typer.echo(f"facebench {version('facebench')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Take the options of facebench itself."""


@app.command()
@mendable
def run(
    method: Annotated[str, typer.Option(help="Methods, comma-separated, or 'all'.")] = "",
    task: Annotated[str, typer.Option(help="Tasks, comma-separated, or 'all'.")] = "",
    backbone: Backbone = "",
    pretrain_data: PretrainData = "",
    preset: Preset = "",
    set_: Set = None,
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A YAML file of the same shape; flags override it."),
    ] = None,
    seeds: Seeds = "",
    device: Device = "",
    devices: Annotated[int, typer.Option(help="Devices to pretrain on.")] = 1,
    nodes: Annotated[int, typer.Option(help="Machines to pretrain on.")] = 1,
    precision: Precision = "",
    checkpoint: Weights = None,
    data: Data = None,
    results: Results = None,
    cache: Cache = None,
    limit: Limit = -1,
    floors: Floors = None,
    skip_broken: SkipBroken = False,
    dedup_test: DedupTest = False,
    force: Force = False,
    dry_run: DryRun = False,
    plugin: Plugins = None,
    verbose: Verbose = False,
) -> None:
    """Learn representations, freeze them, and judge them on tasks."""
    from facebench.cli.commands import run_command
    from facebench.config.options import parse_set
    from facebench.request.arguments import RunArguments

    flags = {
        "method": method, "task": task, "backbone": backbone, "pretrain_data": pretrain_data,
        "preset": preset, "seeds": seeds, "device": device, "precision": precision,
        "data": data, "results": results, "checkpoint": checkpoint,
        "limit": None if limit < 0 else limit, "skip_broken": skip_broken or None, "floors": floors,
        "dedup_test": dedup_test or None,
    }  # fmt: skip
    run_command(
        RunArguments(
            flags=flags,
            settings=parse_set(set_ or []),
            config=config,
            cache=cache,
            devices=devices,
            nodes=nodes,
            force=force,
            plugins=tuple(plugin or ()),
        ),
        dry_run=dry_run,
        verbose=verbose,
    )


@app.command("list")
@mendable
def list_(
    kind: Annotated[str, typer.Argument(help="methods, tasks or backbones.")],
    plugin: Plugins = None,
) -> None:
    """List methods, tasks or backbones, and who provides them."""
    from facebench.api.plugins import list_plugins
    from facebench.runtime.terminal import out, plugin_table

    out.print(plugin_table(kind, list_plugins(kind, plugins=plugin or ())))


@app.command()
@mendable
def show(result: Annotated[Path, typer.Argument(help="A result's JSON file.")]) -> None:
    """Show one stored result: scores, intervals, and where they come from."""
    from facebench.api.results import opened
    from facebench.report.curves import curves_table
    from facebench.report.render import detail_rows, tables
    from facebench.runtime.terminal import detail_table, out

    stored = opened(result)
    for table in tables([stored]):
        out.print(table)
    if (curves := curves_table(stored.record.pretrain.history)) is not None:
        out.print(curves)
    out.print(detail_table(detail_rows(stored.record)))


@app.command()
@mendable
def check(
    name: Annotated[str, typer.Argument(help="A method, task or backbone.")],
    plugin: Plugins = None,
) -> None:
    """Run the contract test on a plugin, yours or a built-in one."""
    from facebench.registry import Registry
    from facebench.runtime.terminal import out
    from facebench.testing.contract import check_plugin

    for line in check_plugin(name, Registry(tuple(plugin or ()))):
        out.print(line)


def main() -> None:
    """Run the command line."""
    # Oversubscribed cores make OpenMP's busy waiting many times slower than the work itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app()
