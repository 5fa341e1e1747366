"""Sweeps and ablations: sets of runs that share common stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Unpack

from facebench.api.results import Results
from facebench.api.runs import check_flags
from facebench.api.words import RunWords, arguments_of, in_words
from facebench.config.ablations import ablation
from facebench.config.sweep_file import Sweep, read_sweep
from facebench.errors import SpecError
from facebench.registry import Registry
from facebench.rendering.table import Table
from facebench.request.arguments import RunArguments, open_workspace
from facebench.request.resolve import Request
from facebench.results.store import read_result
from facebench.runtime.terminal import warned_once
from facebench.runtime.workspace import Workspace
from facebench.sweep.entries import SweepEntry, sweep_entries, sweep_requests
from facebench.sweep.executors.choice import ELSEWHERE, Choice, open_executor
from facebench.sweep.executors.protocol import Executor, Outcome, execute
from facebench.sweep.plan import SweepPlan, plan_sweep
from facebench.sweep.schedule import Schedule
from facebench.sweep.tables import plan_tables, result_tables, rows, run_labels


class SweepWords(RunWords, total=False):
    """What is to be run, and where.

    Args:
        executor: ``local`` (default); ``processes`` (default with several ``jobs``): several
            runs at a time on this machine, where each process imports the script that calls this,
            which must keep its own code below ``if __name__ == "__main__":``; ``ray``, a cluster;
            or ``slurm``, a queue.
        jobs: Runs at a time; by default one, of ``processes`` one for each GPU, or two, and of
            ``ray`` what fits into the cluster, of ``slurm`` 64.
        ray_address: Address of a Ray cluster; by default that of ``RAY_ADDRESS``, else this
            machine.
        gpus_per_run: GPUs that a run takes there; by default one if ``device`` is cuda.
        cpus_per_run: Cores that a run takes there, and threads (default 1).
        slurm: Options of submitit, ``["partition=gpu", "timeout_min=720"]``.
    """

    executor: str | None
    jobs: int | None
    ray_address: str | None
    gpus_per_run: float | None
    cpus_per_run: int | None
    slurm: Sequence[str] | None


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
        choice: What it is computed by.
    """

    sweep: Sweep
    request: Request
    entries: tuple[SweepEntry, ...]
    plan: SweepPlan
    workspace: Workspace
    plugins: tuple[Path, ...]
    choice: Choice

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

    def executor(self, *, verbose: bool = False) -> Executor:
        """Return what the runs are computed by.

        Args:
            verbose: Whether its processes log info messages.

        Raises:
            SpecError: It is not installed, or what was asked of it cannot be had.
        """
        return open_executor(self.choice, self.workspace, self.plugins, verbose=verbose)

    def execute(self, schedule: Schedule, executor: Executor) -> Iterator[Outcome]:
        """Run what is missing, and yield how each run ended as soon as it has.

        Args:
            schedule: Schedule of the plan's runs.
            executor: What they are computed by; closed at the end.
        """
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


def prepare_sweep(sweep: Sweep, arguments: RunArguments, choice: Choice) -> PreparedSweep:
    """Resolve and plan a sweep; data are opened for it.

    Args:
        sweep: The sweep.
        arguments: Arguments for all settings; they override those of the file.
        choice: What it is computed by.

    Raises:
        FacebenchError: A name, option, device or file is wrong, or a varied key is also given.
    """
    registry, given = Registry(arguments.plugins), arguments.given()
    top = {**sweep.top, **given}
    top["device"] = choice.device(str(top.get("device", "auto")))
    workspace = open_workspace(top, arguments, here=choice.name not in ELSEWHERE)
    requests = sweep_requests(sweep, given, arguments.settings, workspace, registry)
    entries = tuple(sweep_entries(sweep, requests, registry))
    check_flags(arguments.settings, [entry.spec for entry in entries])
    return PreparedSweep(
        sweep=sweep,
        request=requests[0],
        entries=entries,
        plan=plan_sweep(entries, workspace),
        workspace=workspace,
        plugins=arguments.plugins,
        choice=choice,
    )


@in_words
def run_sweep(file: str | Path, **words: Unpack[SweepWords]) -> SweepResults:
    """Run every setting of a file; what settings share is computed once: ``facebench sweep``.

    Args:
        file: A YAML file with rows, a grid, or both.
        **words: What is the same for all, as for :func:`facebench.run`, without ``method`` and
            ``config``, which are the file's to say; and where it is computed, see
            :class:`facebench.api.sweeps.SweepWords`.

    Raises:
        FacebenchError: An input is wrong; raised before anything is run. A run that fails does not
            affect the others; it is among the ``failures``.
    """
    return _run(read_sweep(Path(file)), words, "run_sweep")


@in_words
def run_ablation(name: str, **words: Unpack[SweepWords]) -> SweepResults:
    """Run an ablation that is included in facebench: ``facebench ablate``.

    Args:
        name: ``table5``, ``table6``, ``table7`` ...: the rows of a paper's table, or a sweep.
        **words: As for :func:`run_sweep`.

    Raises:
        FacebenchError: An input is wrong; raised before anything is run.
    """
    return _run(ablation(name), words, "run_ablation")


def _run(sweep: Sweep, words: Mapping[str, Any], function: str) -> SweepResults:
    for word in ("method", "config"):
        if words.get(word) is not None:
            raise SpecError(f"{function}() takes no {word}; expected it in the sweep's file.")
    known = {field.name for field in fields(Choice)}
    asked = {word: words[word] for word in known & words.keys() if words[word] is not None}
    choice = Choice(**{**asked, "slurm": tuple(asked.get("slurm", ()))})
    rest = {word: value for word, value in words.items() if word not in known}
    with warned_once():
        prepared = prepare_sweep(sweep, arguments_of(rest, function), choice)
        runs = prepared.execute(Schedule(prepared.plan.runs), prepared.executor())
        return SweepResults(prepared, (*prepared.settled(), *runs))
