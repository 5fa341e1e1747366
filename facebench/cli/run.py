"""``facebench run``: learn representations, freeze them, and evaluate them on tasks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    words,
)
from facebench.cli.run_lines import RunLines, show_answer, show_results

if TYPE_CHECKING:
    from facebench.request.arguments import RunArguments
    from facebench.results.store import Result


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
    """Learn representations, freeze them, and evaluate them on tasks."""
    from facebench.results.answers import find_answer, request_key
    from facebench.runtime.launch import rank_of
    from facebench.runtime.terminal import log_to_terminal

    together = devices * nodes > 1
    log_to_terminal(session.verbose, warns=not (together and rank_of(devices, nodes)))
    if together:  # before torch is imported: each process would give a hint on speed
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    given = words(learning, machine, judging, places)
    more = {"method": method, "task": task, "config": config, "devices": devices, "nodes": nodes}
    defaults = {"method": "", "task": "", "config": None, "devices": 1, "nodes": 1}
    given |= {name: value for name, value in more.items() if value != defaults[name]}
    key = request_key(given) if session == Session() else None
    answer = None if key is None else find_answer(key)
    if answer is not None:
        show_answer(*answer)
        return
    arguments = run_arguments("run", learning, machine, judging, places, **more)
    _compute(arguments, key, dry=session.dry_run)


def _compute(arguments: RunArguments, key: str | None, *, dry: bool) -> None:
    """Do what is asked for, and keep the answer under the hash of the request, if it has one."""
    from facebench.api.answering import Answering
    from facebench.api.runs import prepare_runs
    from facebench.cli.dry_run import show_runs
    from facebench.request.arguments import show_import

    with Answering(key) as answering:
        prepared = prepare_runs(arguments)
        answering.prepared()
        show_import(prepared.request)
        if dry:
            show_runs(prepared)
            return
        lines = RunLines([resolved.spec for resolved in prepared.runs])

        def ended(result: Result, *, found: bool) -> None:
            lines.ended(result, found=found)
            answering.ended()

        results = prepared.execute(lines.started, ended, answering.opened)
        show_results(results)
        answering.keep(results, arguments.plugins, prepared.workspace)
