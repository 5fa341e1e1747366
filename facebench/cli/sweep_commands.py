"""What ``facebench sweep`` and ``facebench ablate`` do: call the API, and print a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.text import Text

from facebench.api.sweeps import PreparedSweep, SweepResults, prepare_sweep
from facebench.config.sweep_file import Sweep
from facebench.request.arguments import RunArguments, show_import
from facebench.results.store import read_result
from facebench.runtime.terminal import err, log_to_terminal, out
from facebench.sweep.plan import PlannedRun
from facebench.sweep.schedule import Pace, Schedule
from facebench.sweep.workers import Outcome


@dataclass(frozen=True, kw_only=True)
class SweepArguments:
    """The command line of ``facebench sweep`` and ``facebench ablate``.

    Args:
        run: What it has in common with that of ``facebench run``.
        jobs: Runs at a time.
        dry_run: Only show what would be done.
        verbose: Tell more.
    """

    run: RunArguments
    jobs: int
    dry_run: bool
    verbose: bool


def sweep_command(sweep: Sweep, arguments: SweepArguments) -> None:
    """Run what is not on disk yet, and print the table.

    Raises:
        FacebenchError: Something that the user can mend, before anything is run.
        SystemExit: With status 1 if a run failed.
    """
    log_to_terminal(arguments.verbose)
    prepared = prepare_sweep(sweep, arguments.run, jobs=arguments.jobs)
    show_import(prepared.request)
    labels = prepared.labels()
    if arguments.dry_run:
        for table in prepared.plan_tables():
            out.print(table)
        _show_failures((outcome for outcome in prepared.settled() if outcome.error), labels)
        return
    done = _run(prepared, labels, arguments)
    _show_results(done)
    _show_failures(done.failures, labels)
    if done.failures:
        raise SystemExit(1)


def _run(
    prepared: PreparedSweep, labels: Mapping[str, str], arguments: SweepArguments
) -> SweepResults:
    """Run what is missing, with a line for each run that ends."""
    outcomes = prepared.settled()
    runs, jobs = prepared.plan.runs, arguments.jobs
    schedule, pace, total = Schedule(runs), Pace(), len(runs)
    found = sum(outcome.result is not None for outcome in outcomes)
    err.print(f"{total} runs, {found} on disk", highlight=False)
    for outcome in prepared.execute(schedule, jobs, verbose=arguments.verbose):
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


def _show_results(done: SweepResults) -> None:
    for table in done.tables():
        out.print(table)
    found = sum(outcome.result is not None for outcome in done.outcomes)
    out.print(f"results: {found} below {done.prepared.workspace.results}", soft_wrap=True)


def _show_failures(failures: Iterable[Outcome], labels: Mapping[str, str]) -> None:
    for failure in failures:
        message = f"{_name(failure.run, labels)}: {failure.error}"
        err.print(Text.assemble(("failed: ", "bold red"), message), soft_wrap=True)


def _name(run: PlannedRun, labels: Mapping[str, str]) -> str:
    return f"{labels[run.key]} on {run.spec.task}, seed {run.spec.seed}"
