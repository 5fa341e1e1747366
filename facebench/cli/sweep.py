"""``facebench sweep``: many runs that share what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    Session,
    run_arguments,
    words,
)
from facebench.cli.run_lines import score_line, show_commands, time_left

if TYPE_CHECKING:
    from facebench.api.sweeps import PreparedSweep, SweepResults
    from facebench.config.sweep_file import Sweep
    from facebench.request.arguments import RunArguments
    from facebench.sweep.executors.choice import Choice
    from facebench.sweep.executors.protocol import Outcome
    from facebench.sweep.plan import PlannedRun

Tasks = Annotated[
    str,
    typer.Option(
        "--task",
        help="Tasks, comma-separated, instead of the sweep's.",
        autocompletion=completion.tasks,
    ),
]


@dataclass(frozen=True)
class Computing:
    """What the runs of a sweep are computed by."""

    executor: Annotated[
        str,
        typer.Option(
            help="local, processes, ray or slurm [default: local; processes with several --jobs].",
            autocompletion=completion.among("local", "processes", "ray", "slurm"),
        ),
    ] = ""
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Runs at a time [default: 1; processes: one for each GPU, or 2; ray: what fits; "
            "slurm: 64]."
        ),
    ] = None
    ray_address: Annotated[
        str, typer.Option(help="Of a Ray cluster [default: RAY_ADDRESS, else one started here].")
    ] = ""
    gpus_per_run: Annotated[
        float | None,
        typer.Option(help="GPUs of a run on Ray or SLURM [default: 1 with --device cuda, else 0]."),
    ] = None
    cpus_per_run: Annotated[int, typer.Option(help="Cores and threads of it.")] = 1
    slurm: Annotated[
        list[str] | None,
        typer.Option(help="KEY=VALUE of submitit, e.g. partition=gpu; may be repeated."),
    ] = None

    def choice(self) -> Choice:
        """Return what is asked for.

        Raises:
            SpecError: There is no such executor, or an option is not one of it.
        """
        from facebench.sweep.executors.choice import Choice

        given = words(self)
        return Choice(**{**given, "slurm": tuple(given.get("slurm", ()))})


@command
def sweep(
    *,
    file: Annotated[Path, typer.Argument(help="A YAML file with rows, a grid, or both.")],
    task: Tasks = "",
    learning: Learning,
    machine: Machine,
    judging: Judging,
    places: DataPlaces,
    computing: Computing,
    session: Session,
) -> None:
    """Run every setting of a file; what settings share is computed once."""
    from facebench.config.sweep_file import read_sweep

    arguments = run_arguments("sweep", learning, machine, judging, places, task=task)
    run_and_show(read_sweep(file), arguments, computing.choice(), session)


def run_and_show(sweep: Sweep, arguments: RunArguments, choice: Choice, session: Session) -> None:
    """Run what is not on disk yet, and print the table.

    Args:
        sweep: The sweep.
        arguments: Arguments for all settings.
        choice: What they are computed by.
        session: Whether runs are executed, and how much is printed.

    Raises:
        FacebenchError: An input is wrong; raised before anything is run.
        SystemExit: With status 1 if a run failed.
    """
    from facebench.api.sweeps import prepare_sweep
    from facebench.request.arguments import show_import
    from facebench.runtime.terminal import log_to_terminal, out

    log_to_terminal(session.verbose)
    prepared = prepare_sweep(sweep, arguments, choice)
    show_import(prepared.request)
    labels = prepared.labels()
    if session.dry_run:
        for table in prepared.plan_tables():
            out.print(table)
        _show_failures((outcome for outcome in prepared.settled() if outcome.error), labels)
        return
    done = _run(prepared, labels, session.verbose)
    for table in done.tables():
        out.print(table)
    found = sum(outcome.result is not None for outcome in done.outcomes)
    folder = prepared.workspace.results
    out.print(f"results: {found} below {folder}", soft_wrap=True)
    if found:
        show_commands([f"facebench leaderboard --results {folder}",
                       f"facebench figure all {folder} --out figures"])  # fmt: skip
    _show_failures(done.failures, labels)
    if done.failures:
        raise SystemExit(1)


def _run(prepared: PreparedSweep, labels: Mapping[str, str], verbose: bool) -> SweepResults:
    """Run what is missing, with a line for each run that ends."""
    from rich.text import Text

    from facebench.api.sweeps import SweepResults
    from facebench.results.store import read_result
    from facebench.runtime.terminal import err
    from facebench.sweep.schedule import Pace, Schedule

    outcomes, runs = prepared.settled(), prepared.plan.runs
    schedule, pace, total = Schedule(runs), Pace(), len(runs)
    found = sum(outcome.result is not None for outcome in outcomes)
    nothing = ": found, nothing to do" if found == total else ""
    err.print(f"{total} run{'s' * (total != 1)}, {found} on disk{nothing}", highlight=False)
    executor = prepared.executor(verbose=verbose)
    for outcome in prepared.execute(schedule, executor):
        outcomes.append(outcome)
        state = f"FAILED: {outcome.error}"
        if outcome.result is not None:
            result = read_result(outcome.result)
            pace.note(outcome.run, result.record.seconds.plain())
            left = pace.left(schedule.outstanding() - set(outcome.run.missing()), executor.places)
            state = f"{score_line(result)}{time_left(left)}"
        count = f"[{len(outcomes):{len(str(total))}}/{total}]"
        err.print(Text(f"{count} {_name(outcome.run, labels)}: {state}"), soft_wrap=True)
    return SweepResults(prepared, tuple(outcomes))


def _show_failures(failures: Iterable[Outcome], labels: Mapping[str, str]) -> None:
    from rich.text import Text

    from facebench.runtime.terminal import err

    for failure in failures:
        message = f"{_name(failure.run, labels)}: {failure.error}"
        err.print(Text.assemble(("failed: ", "bold red"), message), soft_wrap=True)


def _name(run: PlannedRun, labels: Mapping[str, str]) -> str:
    return f"{labels[run.key]} on {run.spec.task}, seed {run.spec.seed}"
