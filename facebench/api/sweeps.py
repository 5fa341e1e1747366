"""Sweeps and ablations: sets of runs that share common stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from facebench.api.results import Results
from facebench.api.words import RunWords, arguments_of, in_words
from facebench.config.ablations import ablation
from facebench.config.sweep_file import Sweep, read_sweep
from facebench.errors import SpecError
from facebench.registry import Registry
from facebench.rendering.table import Table
from facebench.request.arguments import RunArguments, open_workspace
from facebench.request.resolve import Request
from facebench.results.store import read_result
from facebench.runtime.workspace import Workspace
from facebench.sweep.entries import SweepEntry, sweep_entries, sweep_requests
from facebench.sweep.plan import SweepPlan, plan_sweep
from facebench.sweep.schedule import Schedule
from facebench.sweep.tables import plan_tables, result_tables, rows, run_labels
from facebench.sweep.workers import Executor, Outcome, ProcessExecutor, SerialExecutor, execute


@dataclass(frozen=True, kw_only=True)
class PreparedSweep:
    """A resolved, checked and planned sweep, not yet executed.

    Args:
        sweep: The sweep.
        request: Request of its first setting; all settings share weights that the user supplies.
        entries: Every run of every setting.
        plan: Distinct runs, with the stages that are on disk.
        workspace: Folders, device and progress reporter.
        plugins: Single-file plugins, which each process imports again.
    """

    sweep: Sweep
    request: Request
    entries: tuple[SweepEntry, ...]
    plan: SweepPlan
    workspace: Workspace
    plugins: tuple[Path, ...]

    def labels(self) -> dict[str, str]:
        """Return the name of each run by its key."""
        return run_labels(self.entries, self.plan)

    def plan_tables(self) -> list[Table]:
        """Return each run with its stages: on disk, to do, shared."""
        return plan_tables(self.entries, self.plan)

    def settled(self) -> list[Outcome]:
        """Return the runs that are on disk, or cannot be run."""
        return [
            Outcome(run=run, result=run.result, error=run.error)
            for run in self.plan.runs
            if not run.waits
        ]

    def execute(
        self, schedule: Schedule, jobs: int = 1, *, verbose: bool = False
    ) -> Iterator[Outcome]:
        """Run what is missing, and yield how each run ended as soon as it has.

        Args:
            schedule: Schedule of the plan's runs.
            jobs: Number of concurrent runs; several run in processes of their own.
            verbose: Whether the processes log info messages.
        """
        executor: Executor = SerialExecutor(self.workspace)
        if jobs > 1:
            executor = ProcessExecutor(jobs, self.workspace, self.plugins, verbose=verbose)
        yield from execute(schedule, executor, self.workspace)


@dataclass(frozen=True)
class SweepResults:
    """Outcomes of a sweep.

    Args:
        prepared: The executed sweep.
        outcomes: Outcome of each run.
    """

    prepared: PreparedSweep
    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """Return the runs that gave no result; each says why in ``error``."""
        return tuple(outcome for outcome in self.outcomes if outcome.error)

    @property
    def results(self) -> Results:
        """Return the results."""
        return Results(read_result(o.result) for o in self.outcomes if o.result is not None)

    def tables(self) -> list[Table]:
        """Return a row per setting and a column per task: tables that rich and notebooks show."""
        found = {o.run.key: read_result(o.result) for o in self.outcomes if o.result is not None}
        prepared = self.prepared
        return result_tables(prepared.sweep.title, rows(prepared.entries, prepared.plan), found)


def prepare_sweep(sweep: Sweep, arguments: RunArguments, *, jobs: int = 1) -> PreparedSweep:
    """Resolve and plan a sweep; data are opened for it.

    Args:
        sweep: The sweep.
        arguments: Arguments for all settings; they override those of the file.
        jobs: Number of concurrent runs.

    Raises:
        FacebenchError: A name, option, device or file is wrong, or a varied key is also given.
    """
    if jobs < 1:
        raise SpecError(f"--jobs is {jobs}; expected 1 or more.")
    registry, given = Registry(arguments.plugins), arguments.given()
    workspace = open_workspace({**sweep.top, **given}, arguments)
    requests = sweep_requests(sweep, given, arguments.settings, workspace, registry)
    entries = tuple(sweep_entries(sweep, requests, registry))
    return PreparedSweep(
        sweep=sweep,
        request=requests[0],
        entries=entries,
        plan=plan_sweep(entries, workspace),
        workspace=workspace,
        plugins=arguments.plugins,
    )


@in_words
def run_sweep(file: str | Path, *, jobs: int = 1, **words: Unpack[RunWords]) -> SweepResults:
    """Run every setting of a file; what settings share is computed once: ``facebench sweep``.

    Args:
        file: A YAML file with rows, a grid, or both.
        jobs: Number of concurrent runs. With several, a script must keep its own code below
            ``if __name__ == "__main__":``, since each process imports it.
        **words: What is the same for all, as for :func:`facebench.run`; without ``method`` and
            ``config``, which are the file's to say.

    Raises:
        FacebenchError: An input is wrong; raised before anything is run. A run that fails does not
            affect the others; it is among the ``failures``.
    """
    return _run(read_sweep(Path(file)), jobs, words, "run_sweep")


@in_words
def run_ablation(name: str, *, jobs: int = 1, **words: Unpack[RunWords]) -> SweepResults:
    """Run an ablation that is included in facebench: ``facebench ablate``.

    Args:
        name: ``table5``, ``table6``, ``table7`` ...: the rows of a paper's table, or a sweep.
        jobs: As for :func:`run_sweep`.
        **words: As for :func:`run_sweep`.

    Raises:
        FacebenchError: An input is wrong; raised before anything is run.
    """
    return _run(ablation(name), jobs, words, "run_ablation")


def _run(sweep: Sweep, jobs: int, words: Mapping[str, object], function: str) -> SweepResults:
    for word in ("method", "config"):
        if words.get(word) is not None:
            raise SpecError(f"{function}() takes no {word}; expected it in the sweep's file.")
    prepared = prepare_sweep(sweep, arguments_of(words, function), jobs=jobs)
    schedule = Schedule(prepared.plan.runs)
    return SweepResults(prepared, (*prepared.settled(), *prepared.execute(schedule, jobs)))
