"""The commands of ``facebench``, in the order in which its help lists them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from facebench.cli.ablate import ablate
from facebench.cli.cache import cache_app
from facebench.cli.check import check
from facebench.cli.compare import compare
from facebench.cli.data import data_app
from facebench.cli.disentangle import disentangle
from facebench.cli.evaluate import evaluate
from facebench.cli.figure import figure_app
from facebench.cli.import_ import import_
from facebench.cli.leaderboard import leaderboard
from facebench.cli.list_ import list_
from facebench.cli.new import new
from facebench.cli.publish import publish
from facebench.cli.results import results_app
from facebench.cli.run import run
from facebench.cli.show import show
from facebench.cli.show_input import show_input
from facebench.cli.sweep import sweep
from facebench.cli.table import table
from facebench.cli.verify import verify

app = typer.Typer(
    help="How good is this facial representation, and which way of learning it is better?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # markup would take "[default: ...]" for a style; rich is slow to load
)

app.command("run")(run)
app.command("evaluate")(evaluate)
app.command("show-input")(show_input)
app.command("sweep")(sweep)
app.command("ablate")(ablate)
app.command("show")(show)
app.command("table")(table)
app.command("compare")(compare)
app.command("leaderboard")(leaderboard)
app.command("publish")(publish)
app.add_typer(results_app, name="results")
app.command("verify")(verify)
app.add_typer(figure_app, name="figure")
app.command("disentangle")(disentangle)
app.add_typer(data_app, name="data")
app.add_typer(cache_app, name="cache")
app.command("import")(import_)
app.command("list")(list_)
app.command("check")(check)
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


def main() -> None:
    """Run the command line."""
    # Oversubscribed cores make OpenMP's busy waiting many times slower than the work itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app()
