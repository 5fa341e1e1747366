"""What ``facebench sweep`` and ``facebench ablate`` do: plan, show or run, and print a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from facebench.config.sweep_file import Sweep
from facebench.errors import SpecError
from facebench.registry import Registry
from facebench.request.arguments import RunArguments, open_workspace, show_import
from facebench.results.store import Result, read_result
from facebench.runtime.terminal import err, log_to_terminal, out
from facebench.runtime.workspace import Workspace
from facebench.sweep.entries import Entry, sweep_entries, sweep_requests
from facebench.sweep.plan import PlannedRun, SweepPlan, plan_sweep
from facebench.sweep.schedule import Pace, Schedule
from facebench.sweep.tables import plan_tables, result_tables, rows, run_labels
from facebench.sweep.workers import Crew, Here, Outcome, Processes, execute


@dataclass(frozen=True, kw_only=True)
class SweepArguments:
    """The command line of ``facebench sweep`` and ``facebench ablate``.

    Args:
        run: What it has in common with that of ``facebench run``.
        jobs: Runs at a time.
    """

    run: RunArguments
    jobs: int


def sweep_command(sweep: Sweep, arguments: SweepArguments) -> None:
    """Run what is not on disk yet, and print the table.

    Raises:
        FacebenchError: Something that the user can mend, before anything is run.
        SystemExit: With status 1 if a run failed.
    """
    log_to_terminal(arguments.run.verbose)
    if arguments.jobs < 1:
        raise SpecError(f"--jobs is {arguments.jobs}; expected 1 or more.")
    registry = Registry(arguments.run.plugins)
    flags = {name: value for name, value in arguments.run.flags.items() if value not in (None, "")}
    workspace = open_workspace({**sweep.top, **flags}, arguments.run)
    requests = sweep_requests(sweep, flags, arguments.run.settings, workspace, registry)
    show_import(requests[0])  # all settings have the same weights if they are handed in
    entries = sweep_entries(sweep, requests, registry)
    plan = plan_sweep(entries, workspace, registry)
    labels = run_labels(entries, plan)
    if arguments.run.dry_run:
        for table in plan_tables(entries, plan):
            out.print(table)
        _show_failures([Outcome(run=r, error=r.error) for r in plan.runs if r.error], labels)
        return
    crew: Crew = Here(workspace, registry)
    if arguments.jobs > 1:
        crew = Processes(
            arguments.jobs, workspace, arguments.run.plugins, verbose=arguments.run.verbose
        )
    outcomes = _run(plan, labels, crew, workspace, arguments.jobs)
    _show_results(sweep, entries, plan, outcomes, workspace)
    failures = [outcome for outcome in outcomes if outcome.error]
    _show_failures(failures, labels)
    if failures:
        raise SystemExit(1)


def _run(
    plan: SweepPlan, labels: Mapping[str, str], crew: Crew, workspace: Workspace, jobs: int
) -> list[Outcome]:
    """Run what is missing, with a line for each run that ends; return how all ended."""
    outcomes = [
        Outcome(run=run, result=run.result, error=run.error)
        for run in plan.runs
        if not run.waits
    ]  # fmt: skip
    schedule, pace, total = Schedule(plan.runs), Pace(), len(plan.runs)
    found = sum(outcome.result is not None for outcome in outcomes)
    err.print(f"{total} runs, {found} on disk", highlight=False)
    for outcome in execute(schedule, crew, workspace):
        outcomes.append(outcome)
        if outcome.result is not None:
            pace.note(outcome.run, read_result(outcome.result).record["seconds"])
        left = pace.left(schedule.outstanding() - set(outcome.run.missing()), jobs)
        line = f"{len(outcomes)} of {total}  {_name(outcome.run, labels)}"
        state = f": FAILED: {outcome.error}" if outcome.error else _time_left(left)
        err.print(Text(line + state), soft_wrap=True)
    return outcomes


def _time_left(seconds: float | None) -> str:
    if not seconds:
        return ""
    minutes = seconds / 60
    return (
        f"  (about {minutes:.0f} min left)" if minutes >= 1 else f"  (about {seconds:.0f} s left)"
    )


def _show_results(
    sweep: Sweep,
    entries: Sequence[Entry],
    plan: SweepPlan,
    outcomes: Sequence[Outcome],
    workspace: Workspace,
) -> None:
    results: dict[str, Result] = {
        outcome.run.key: read_result(outcome.result) for outcome in outcomes if outcome.result
    }
    for table in result_tables(sweep.title, rows(entries, plan), results):
        out.print(table)
    out.print(f"results: {len(results)} below {workspace.results}", soft_wrap=True)


def _show_failures(failures: Sequence[Outcome], labels: Mapping[str, str]) -> None:
    for failure in failures:
        message = f"{_name(failure.run, labels)}: {failure.error}"
        err.print(Text.assemble(("failed: ", "bold red"), message), soft_wrap=True)


def _name(run: PlannedRun, labels: Mapping[str, str]) -> str:
    return f"{labels[run.key]} on {run.spec.task}, seed {run.spec.seed}"
