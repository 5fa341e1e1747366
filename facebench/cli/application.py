"""The commands of ``facebench``, in the order in which its help lists them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from facebench.cli.ablate import ablate
from facebench.cli.bash_words import whole_words
from facebench.cli.cache import cache_app
from facebench.cli.check import check
from facebench.cli.compare import compare
from facebench.cli.completion import plain_descriptions
from facebench.cli.data import data_app
from facebench.cli.disentangle import disentangle
from facebench.cli.doctor import doctor
from facebench.cli.evaluate import evaluate
from facebench.cli.figure import figure_app
from facebench.cli.import_ import import_
from facebench.cli.leaderboard import leaderboard
from facebench.cli.list_ import list_
from facebench.cli.new import new
from facebench.cli.panels import PanelGroup
from facebench.cli.publish import publish
from facebench.cli.results import results_app
from facebench.cli.run import run
from facebench.cli.show import show
from facebench.cli.show_input import show_input
from facebench.cli.sweep import sweep
from facebench.cli.table import table
from facebench.cli.verify import verify
from facebench.cli.zoo import zoo_app
from facebench.cli.zsh_words import correct_script, open_words


class WorkOrder(PanelGroup):
    """The commands in the order of the work."""

    order = (
        "run", "evaluate", "sweep", "ablate",
        "list", "show", "show-input", "table", "compare", "leaderboard", "figure", "disentangle",
        "data", "cache", "doctor", "results", "verify", "publish", "new", "check", "import", "zoo",
    )  # fmt: skip


app = typer.Typer(
    cls=WorkOrder,
    help="How good is this facial representation, and which way of learning it is better?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # markup would take "[default: ...]" for a style; rich is slow to load
)

# Each panel is a heading of --help.
_RUN, _LOOK, _DATA, _RESULTS, _EXTEND = "Run", "Look", "Data", "Results", "Extend"

app.command("run", rich_help_panel=_RUN)(run)
app.command("evaluate", rich_help_panel=_RUN)(evaluate)
app.command("sweep", rich_help_panel=_RUN)(sweep)
app.command("ablate", rich_help_panel=_RUN)(ablate)
app.command("list", rich_help_panel=_LOOK)(list_)
app.command("show", rich_help_panel=_LOOK)(show)
app.command("show-input", rich_help_panel=_LOOK)(show_input)
app.command("table", rich_help_panel=_LOOK)(table)
app.command("compare", rich_help_panel=_LOOK)(compare)
app.command("leaderboard", rich_help_panel=_LOOK)(leaderboard)
app.add_typer(figure_app, name="figure", rich_help_panel=_LOOK)
app.command("disentangle", rich_help_panel=_LOOK)(disentangle)
app.add_typer(data_app, name="data", rich_help_panel=_DATA)
app.add_typer(cache_app, name="cache", rich_help_panel=_DATA)
app.command("doctor", rich_help_panel=_DATA)(doctor)
app.add_typer(results_app, name="results", rich_help_panel=_RESULTS)
app.command("verify", rich_help_panel=_RESULTS)(verify)
app.command("publish", rich_help_panel=_RESULTS)(publish)
app.command("new", rich_help_panel=_EXTEND)(new)
app.command("check", rich_help_panel=_EXTEND)(check)
app.command("import", rich_help_panel=_EXTEND)(import_)
app.add_typer(zoo_app, name="zoo", rich_help_panel=_EXTEND)


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


def run_commands() -> None:
    """Run the command that the process was started with."""
    # Oversubscribed cores make OpenMP's busy waiting many times slower than the work itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    correct_script()
    if "_FACEBENCH_COMPLETE" in os.environ:
        plain_descriptions()
    with whole_words(), open_words():
        app()
