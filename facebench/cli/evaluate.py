"""``facebench evaluate``: any model on tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import (
    Baselines,
    DataPlaces,
    Force,
    Limit,
    Machine,
    Probe,
    ResultsWritten,
    Session,
    SkipBroken,
    VerifyCache,
    run_arguments,
)
from facebench.cli.run_lines import RunLines, show_results


@dataclass(frozen=True)
class JudgedOnce:
    """What is evaluated, and where its results are written."""

    preset: Annotated[
        str,
        typer.Option(
            help="How long probes are trained: quick or paper [default: quick].",
            autocompletion=completion.presets,
        ),
    ] = ""
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="GROUP.KEY=VALUE, e.g. preprocess.image_size=112, probe.epochs=100; repeatable.",
            autocompletion=completion.settings_of_model,
        ),
    ] = None
    seeds: Annotated[str, typer.Option("--seed", help="Of the probes [default: 0].")] = ""
    probe: Probe = ""
    results: ResultsWritten = None
    limit: Limit = None
    baselines: Baselines = None
    skip_broken: SkipBroken = False
    force: Force = False
    verify_cache: VerifyCache = False


ModelName = Annotated[
    str,
    typer.Argument(
        help="timm:NAME, torchvision:NAME, hf:ORG/NAME, onnx:FILE, export:FILE.pt2, "
        "py:FILE.py:NAME, zoo:NAME"
    ),
]


@command
def evaluate(
    *,
    model: ModelName,
    task: Annotated[
        str,
        typer.Option(
            help="Tasks to evaluate on, comma-separated, or 'all'.", autocompletion=completion.tasks
        ),
    ] = "",
    name: Annotated[str | None, typer.Option(help="Its name in tables [default: MODEL].")] = None,
    version: Annotated[
        str | None, typer.Option(help="Another one where weights and file are equal.")
    ] = None,
    judged: JudgedOnce,
    machine: Machine,
    places: DataPlaces,
    session: Session,
) -> None:
    """Evaluate a model that others trained: by its name, or in a file."""
    from facebench.api.evaluate import prepare_evaluation
    from facebench.cli.dry_run import show_runs
    from facebench.runtime.terminal import log_to_terminal

    log_to_terminal(session.verbose)
    arguments = run_arguments("evaluate", machine, judged, places, task=task)
    prepared = prepare_evaluation(model, arguments, name=name, version=version)
    if session.dry_run:
        show_runs(prepared.runs)
        return
    lines = RunLines([resolved.spec for resolved in prepared.runs.runs])
    show_results(prepared.execute(started=lines.started, ended=lines.ended))
