"""What the executors of a sweep have in common, and the loop that gives them its runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from facebench.pipeline.copies import Copies
from facebench.runtime.workspace import Workspace
from facebench.sweep.plan import PlannedRun
from facebench.sweep.schedule import Schedule

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run ended where it was computed.

    Args:
        result: Path of its result; None if there is none.
        error: Reason why there is none.
        warnings: What was warned of meanwhile, to be said where the sweep was started.
    """

    result: Path | None = None
    error: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Outcome of a run.

    Args:
        run: The run.
        result: Path of its result; None if there is none.
        error: Reason why there is none.
    """

    run: PlannedRun
    result: Path | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class RunNeeds:
    """What one run takes of the machine that computes it.

    Args:
        cpus: Cores, and threads.
        gpus: GPUs; a fraction lets several runs share one.
    """

    cpus: int
    gpus: float


class Executor(Protocol):
    """Computes runs: in this process, in others, or on other machines."""

    @property
    def places(self) -> int:
        """How many runs may be under way."""

    def submit(self, planned: PlannedRun) -> Future[Ended]:
        """Start a run.

        The future gives how it ended, the death of its process included: it raises nothing.
        """

    def close(self) -> None:
        """Stop the runs that are under way, and wait until they have stopped."""


def execute(schedule: Schedule, executor: Executor, workspace: Workspace) -> Iterator[Outcome]:
    """Execute all pending runs, and yield each outcome as soon as it is known.

    A run that fails cancels the runs that need its checkpoint, and no others.
    """
    under_way: dict[Future[Ended], PlannedRun] = {}
    try:
        while True:
            while len(under_way) < executor.places and (planned := schedule.take()) is not None:
                under_way[executor.submit(planned)] = planned
            if not under_way:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                planned, ended = under_way.pop(future), _visible(future.result(), workspace)
                for warning in ended.warnings:  # of which the terminal's log prints each once
                    _log.warning("%s", warning)
                yield from _settled(planned, ended, schedule, workspace)
    finally:
        executor.close()


def _visible(ended: Ended, workspace: Workspace) -> Ended:
    """Return how a run ended, as seen from here: another machine may have a folder of its own."""
    if ended.result is None or ended.result.exists():
        return ended
    if Copies(workspace).take_result(ended.result):
        return ended
    return Ended(
        warnings=ended.warnings,
        error=f"its result {ended.result} is not to be seen on this machine; expected a folder "
        "that all machines share. Name one with --results.",
    )


def _settled(
    planned: PlannedRun, ended: Ended, schedule: Schedule, workspace: Workspace
) -> Iterator[Outcome]:
    yield Outcome(run=planned, result=ended.result, error=ended.error)
    checkpoint = planned.stages[0]
    folder = workspace.folder("checkpoints", checkpoint.key)
    learned = checkpoint.done or folder.exists() or Copies(workspace).has(folder)
    for lost in schedule.finish(planned, learned=learned, done=ended.result is not None):
        yield Outcome(run=lost, error="not tried: a run before it could not make its checkpoint")
