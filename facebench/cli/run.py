"""``facebench run``: learn representations, freeze them, and judge them on tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import (
    DataPlaces,
    Judging,
    Learning,
    Machine,
    Methods,
    Session,
    run_arguments,
)
from facebench.cli.run_lines import RunLines, show_results


@command
def run(
    *,
    method: Methods = "",
    task: Annotated[
        str,
        typer.Option(help="Tasks, comma-separated, or 'all'.", autocompletion=completion.tasks),
    ] = "",
    learning: Learning,
    config: Annotated[
        Path | None, typer.Option(help="A YAML file of the same shape; flags override it.")
    ] = None,
    machine: Machine,
    devices: Annotated[int, typer.Option(help="Devices to pretrain on.")] = 1,
    nodes: Annotated[int, typer.Option(help="Machines to pretrain on.")] = 1,
    judging: Judging,
    places: DataPlaces,
    session: Session,
) -> None:
    """Learn representations, freeze them, and judge them on tasks."""
    from facebench.api.runs import prepare_runs
    from facebench.cli.dry_run import show_runs
    from facebench.request.arguments import show_import
    from facebench.runtime.terminal import log_to_terminal

    log_to_terminal(session.verbose)
    prepared = prepare_runs(
        run_arguments(
            "run", learning, machine, judging, places,
            method=method, task=task, config=config, devices=devices, nodes=nodes,
        )
    )  # fmt: skip
    show_import(prepared.request)
    if session.dry_run:
        show_runs(prepared)
        return
    lines = RunLines([resolved.spec for resolved in prepared.runs])
    show_results(prepared.execute(started=lines.started, ended=lines.ended))
