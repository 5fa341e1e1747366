"""``facebench sweep``: many runs that share what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facebench.cli.command import command
from facebench.cli.options import DataPlaces, Judging, Learning, Machine, Session, run_arguments

if TYPE_CHECKING:
    from facebench.api.sweeps import PreparedSweep, SweepResults
    from facebench.config.sweep_file import Sweep
    from facebench.request.arguments import RunArguments
    from facebench.sweep.plan import PlannedRun
    from facebench.sweep.workers import Outcome

Tasks = Annotated[
    str, typer.Option("--task", help="Tasks, comma-separated, instead of the sweep's.")
]
Jobs = Annotated[int, typer.Option(help="Runs at a time, each with its share of the cores.")]


@command
def sweep(
    *,
    file: Annotated[Path, typer.Argument(help="A YAML file with rows, a grid, or both.")],
    task: Tasks = "",
    learning: Learning,
    machine: Machine,
    judging: Judging,
    places: DataPlaces,
    jobs: Jobs = 1,
    session: Session,
) -> None:
    """Run every setting of a file; what settings share is computed once."""
    from facebench.config.sweep_file import read_sweep

    arguments = run_arguments("sweep", learning, machine, judging, places, task=task)
    run_and_show(read_sweep(file), arguments, jobs, session)


def run_and_show(sweep: Sweep, arguments: RunArguments, jobs: int, session: Session) -> None:
    """Run what is not on disk yet, and print the table.

    Args:
        sweep: The sweep.
        arguments: Arguments for all settings.
        jobs: Number of concurrent runs.
        session: Whether runs are executed, and how much is printed.

    Raises:
        FacebenchError: An input is wrong; raised before anything is run.
        SystemExit: With status 1 if a run failed.
    """
    from facebench.api.sweeps import prepare_sweep
    from facebench.request.arguments import show_import
    from facebench.runtime.terminal import log_to_terminal, out

    log_to_terminal(session.verbose)
    prepared = prepare_sweep(sweep, arguments, jobs=jobs)
    show_import(prepared.request)
    labels = prepared.labels()
    if session.dry_run:
        for table in prepared.plan_tables():
            out.print(table)
        _show_failures((outcome for outcome in prepared.settled() if outcome.error), labels)
        return
    done = _run(prepared, labels, jobs, session.verbose)
    for table in done.tables():
        out.print(table)
    found = sum(outcome.result is not None for outcome in done.outcomes)
    out.print(f"results: {found} below {prepared.workspace.results}", soft_wrap=True)
    _show_failures(done.failures, labels)
    if done.failures:
        raise SystemExit(1)


def _run(
    prepared: PreparedSweep, labels: Mapping[str, str], jobs: int, verbose: bool
) -> SweepResults:
    """Run what is missing, with a line for each run that ends."""
    from rich.text import Text

    from facebench.api.sweeps import SweepResults
    from facebench.results.store import read_result
    from facebench.runtime.terminal import err
    from facebench.sweep.schedule import Pace, Schedule

    outcomes, runs = prepared.settled(), prepared.plan.runs
    schedule, pace, total = Schedule(runs), Pace(), len(runs)
    found = sum(outcome.result is not None for outcome in outcomes)
    err.print(f"{total} runs, {found} on disk", highlight=False)
    for outcome in prepared.execute(schedule, jobs, verbose=verbose):
        outcomes.append(outcome)
        if outcome.result is not None:
            pace.note(outcome.run, read_result(outcome.result).record.seconds.plain())
        left = pace.left(schedule.outstanding() - set(outcome.run.missing()), jobs)
        line = f"{len(outcomes)} of {total}  {_name(outcome.run, labels)}"
        state = f": FAILED: {outcome.error}" if outcome.error else _time_left(left)
        err.print(Text(line + state), soft_wrap=True)
    return SweepResults(prepared, tuple(outcomes))


def _time_left(seconds: float | None) -> str:
    if not seconds:
        return ""
    minutes = seconds / 60
    return (
        f"  (about {minutes:.0f} min left)" if minutes >= 1 else f"  (about {seconds:.0f} s left)"
    )


def _show_failures(failures: Iterable[Outcome], labels: Mapping[str, str]) -> None:
    from rich.text import Text

    from facebench.runtime.terminal import err

    for failure in failures:
        message = f"{_name(failure.run, labels)}: {failure.error}"
        err.print(Text.assemble(("failed: ", "bold red"), message), soft_wrap=True)


def _name(run: PlannedRun, labels: Mapping[str, str]) -> str:
    return f"{labels[run.key]} on {run.spec.task}, seed {run.spec.seed}"
