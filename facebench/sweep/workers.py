"""Executors for the runs of a sweep: serial in this process, or in several processes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from facebench.config.spec import ExtractSpec, RunSpec
from facebench.errors import FacebenchError
from facebench.pipeline.run import run
from facebench.progress import Silent
from facebench.registry import Registry
from facebench.request.loaded import LoadedRun, load_run
from facebench.runtime.stops import stop_signals
from facebench.runtime.terminal import log_to_terminal
from facebench.runtime.workspace import Workspace
from facebench.sweep.plan import PlannedRun
from facebench.sweep.schedule import Schedule

if TYPE_CHECKING:  # Windows has one of them
    from multiprocessing.context import ForkServerContext, SpawnContext

# A fork of this process would inherit torch's threads, and CUDA forbids it.
CONTEXT: SpawnContext | ForkServerContext = multiprocessing.get_context("spawn")

_log = logging.getLogger(__name__)


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


class Executor(Protocol):
    """Executes runs."""

    @property
    def free(self) -> bool:
        """Whether another run may be started."""

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""

    def start(self, planned: PlannedRun) -> None:
        """Start a run."""

    def finished(self) -> list[Outcome]:
        """Wait for at least one run to end, and return those that did."""

    def close(self) -> None:
        """Stop the runs that are under way."""


def execute(schedule: Schedule, executor: Executor, workspace: Workspace) -> Iterator[Outcome]:
    """Execute all pending runs, and yield each outcome as soon as it is known.

    A run that fails cancels the runs that need its checkpoint, and no others.
    """
    try:
        while True:
            while executor.free and (planned := schedule.take()) is not None:
                executor.start(planned)
            if not executor.busy:
                return
            for outcome in executor.finished():
                yield from _settled(outcome, schedule, workspace)
    finally:
        executor.close()


def _settled(outcome: Outcome, schedule: Schedule, workspace: Workspace) -> Iterator[Outcome]:
    yield outcome
    planned = outcome.run
    checkpoint = planned.stages[0]
    learned = checkpoint.done or workspace.folder("checkpoints", checkpoint.key).exists()
    for lost in schedule.finish(planned, learned=learned, done=outcome.result is not None):
        yield Outcome(run=lost, error="not tried: a run before it could not make its checkpoint")


class SerialExecutor:
    """Executes one run at a time, in this process."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._waiting: PlannedRun | None = None

    @property
    def free(self) -> bool:
        """Whether another run may be started."""
        return self._waiting is None

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._waiting is not None

    def start(self, planned: PlannedRun) -> None:
        """Set the next run; :meth:`finished` computes it."""
        self._waiting = planned

    def finished(self) -> list[Outcome]:
        """Compute the run that was started."""
        planned, self._waiting = self._waiting, None
        if planned is None:
            return []
        result, error = _attempt(planned.spec, lambda: planned.run, self._workspace, planned.beside)
        return [Outcome(run=planned, result=result, error=error)]

    def close(self) -> None:
        """Do nothing, since no run is in the background."""


class ProcessExecutor:
    """Executes several runs at a time, each in a process with its share of the cores.

    Args:
        jobs: Number of processes.
        workspace: Folders and device, shared by all processes.
        plugins: Single-file plugins, imported by each process.
        verbose: Whether the processes log info messages.
    """

    def __init__(
        self, jobs: int, workspace: Workspace, plugins: Sequence[Path], *, verbose: bool
    ) -> None:
        threads = max(1, _cores() // jobs)
        silent = replace(
            workspace, progress=Silent()
        )  # bars of several runs would overwrite each other
        self._jobs = jobs
        self._arguments = (silent, tuple(plugins), threads, verbose)
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, PlannedRun]] = {}

    @property
    def free(self) -> bool:
        """Whether another run may be started."""
        return len(self._busy) < self._jobs

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return bool(self._busy)

    def start(self, planned: PlannedRun) -> None:
        """Send a run to an idle process, or to a new one."""
        worker = self._idle.pop() if self._idle else _Worker.spawn(self._arguments)
        worker.connection.send((planned.spec, planned.beside))
        self._busy[worker.connection] = (worker, planned)

    def finished(self) -> list[Outcome]:
        """Wait for at least one run to end, and return those that did."""
        return [self._collect(connection) for connection in wait(list(self._busy))]  # type: ignore[arg-type]

    def _collect(self, connection: Connection) -> Outcome:
        worker, planned = self._busy.pop(connection)
        try:
            result, error = connection.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            return Outcome(run=planned, error=_death(worker.process.exitcode))
        self._idle.append(worker)
        return Outcome(run=planned, result=result, error=error)

    def close(self) -> None:
        """Terminate all processes; an interrupted run continues when it is started again."""
        for worker, _ in self._busy.values():
            worker.process.terminate()
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            worker.connection.close()  # an idle process ends when the connection closes
            worker.process.join()
        self._idle, self._busy = [], {}


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    connection: Connection

    @classmethod
    def spawn(cls, arguments: tuple[Workspace, tuple[Path, ...], int, bool]) -> _Worker:
        """Start a fresh process."""
        ours, theirs = CONTEXT.Pipe()
        process = CONTEXT.Process(target=_work, args=(theirs, *arguments))
        process.start()
        theirs.close()
        return cls(process, ours)


def _work(
    connection: Connection,
    workspace: Workspace,
    plugins: tuple[Path, ...],
    threads: int,
    verbose: bool,
) -> None:
    """Execute the runs received through the connection until it closes."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is sent to all processes; the parent ends this one
    threading.Thread(target=_die_with_parent, daemon=True).start()
    torch.set_num_threads(min(threads, torch.get_num_threads()))
    log_to_terminal(verbose)
    registry = Registry(plugins)  # before the first spec, whose options may belong to such a plugin
    with stop_signals():  # the parent's SIGTERM: pretraining writes a resume point first
        while True:
            try:
                spec, beside = connection.recv()
            except EOFError:
                return
            connection.send(_attempt(spec, partial(load_run, spec, registry), workspace, beside))


def _attempt(
    spec: RunSpec,
    load: Callable[[], LoadedRun],
    workspace: Workspace,
    beside: tuple[ExtractSpec, ...],
) -> tuple[Path | None, str]:
    """Return the path of the result, or the error; a bug must not stop the other runs either."""
    try:
        return run(load(), workspace, beside).path, ""
    except FacebenchError as error:
        return None, str(error)
    except Exception as error:
        _log.exception("%s", spec.name)
        return None, f"{type(error).__name__}: {error}"


def _die_with_parent() -> None:
    """End this process when the parent dies, so that a killed sweep does not go on training."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _death(status: int | None) -> str:
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        hint = " Memory may have run out: try fewer --jobs." if name == "SIGKILL" else ""
        return f"its process was ended by {name}.{hint}"
    return f"its process ended with status {status}"


def _cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
