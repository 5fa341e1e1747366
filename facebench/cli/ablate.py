"""``facebench ablate``: a sweep that ships with facebench."""

from __future__ import annotations

from typing import Annotated

import typer

from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import DataPlaces, Judging, Learning, Machine, Session, run_arguments
from facebench.cli.sweep import Computing, Tasks, run_and_show


@command
def ablate(
    *,
    name: Annotated[
        str,
        typer.Argument(
            help="table5, table6 ...; none lists them.", autocompletion=completion.ablations
        ),
    ] = "",
    task: Tasks = "",
    learning: Learning,
    machine: Machine,
    judging: Judging,
    places: DataPlaces,
    computing: Computing,
    session: Session,
) -> None:
    """Run an ablation that ships with facebench: the rows of a paper's table, or a sweep."""
    from facebench.config.ablations import ablation, ablation_names
    from facebench.rendering.table import details
    from facebench.runtime.terminal import out

    if not name:
        out.print(details([(known, ablation(known).title) for known in ablation_names()]))
        return
    arguments = run_arguments("ablate", learning, machine, judging, places, task=task)
    run_and_show(ablation(name), arguments, computing.choice(), session)
