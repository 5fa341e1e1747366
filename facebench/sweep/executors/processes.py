"""``processes``: several runs at a time on this machine, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

import torch

from facebench.sweep.executors.attempt import Site, compute, packed, packed_run
from facebench.sweep.executors.protocol import Ended
from facebench.sweep.plan import PlannedRun

if TYPE_CHECKING:  # Windows has one of them
    from multiprocessing.context import ForkServerContext, SpawnContext

# A fork of this process would inherit torch's threads, and CUDA forbids it.
CONTEXT: SpawnContext | ForkServerContext = multiprocessing.get_context("spawn")


class ProcessExecutor:
    """Computes several runs at a time, each in a process with its share of the cores.

    Each place is a pool of one process: where a process dies, a pool of several would give up all
    of their runs, and this one gives up its own.

    Args:
        places: Number of processes.
        site: Folders, plugins and threads. On CUDA each process gets one of the visible GPUs, in
            turn, unless the device has a number: then all share it.
    """

    def __init__(self, places: int, site: Site) -> None:
        self.places = places
        gpus = visible_gpus(site.workspace.device)
        self._places = [
            _Place(packed(site), gpus[n % len(gpus)] if gpus else "") for n in range(places)
        ]

    def submit(self, planned: PlannedRun) -> Future[Ended]:
        """Give a run to a place that has none."""
        return next(place for place in self._places if place.free).submit(planned)

    def close(self) -> None:
        """Terminate all processes; an interrupted run continues when it is started again."""
        for place in self._places:
            place.terminate()
        for place in self._places:
            place.close()


class _Place:
    """A process that computes one run at a time, started again if it has died."""

    def __init__(self, site: bytes, gpu: str) -> None:
        self._site, self._gpu = site, gpu
        self._pool: ProcessPoolExecutor | None = None
        self._process: BaseProcess | None = None
        self._future: Future[Ended] | None = None
        self._died = False

    @property
    def free(self) -> bool:
        """Whether it computes no run."""
        return self._future is None or self._future.done()

    def submit(self, planned: PlannedRun) -> Future[Ended]:
        """Start a run."""
        if self._died:
            self.close()
        self._future = Future()
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, CONTEXT, initializer=_prepare, initargs=(self._gpu,)
            )
            before = set(multiprocessing.active_children())
            inner = self._pool.submit(compute, self._site, packed_run(planned))
            (self._process,) = set(multiprocessing.active_children()) - before
        else:
            inner = self._pool.submit(compute, self._site, packed_run(planned))
        inner.add_done_callback(self._pass_on)
        return self._future

    def _pass_on(self, inner: Future[Ended]) -> None:
        """Give the outcome of the pool's future, or how its process died, to the sweep's."""
        future, process, error = self._future, self._process, inner.exception()
        if future is None or process is None:
            raise RuntimeError("nothing was submitted")
        if error is None:
            future.set_result(inner.result())
        elif isinstance(error, BrokenProcessPool):
            self._died = True
            process.join()  # it has ended; this reads its status
            future.set_result(Ended(error=_death(process.exitcode)))
        else:
            future.set_result(Ended(error=f"{type(error).__name__}: {error}"))

    def terminate(self) -> None:
        """Send SIGTERM to a process that computes: pretraining writes a resume point first."""
        if not self.free and self._process is not None:
            self._process.terminate()

    def close(self) -> None:
        """Wait until the process has ended."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
        self._pool = self._process = self._future = None
        self._died = False


def visible_gpus(device: torch.device) -> Sequence[str]:
    """Return the names of the GPUs among which runs are spread; none where all share the device."""
    if device.type != "cuda" or device.index is not None:
        return ()
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return listed.split(",") if listed else [str(n) for n in range(torch.cuda.device_count())]


def _prepare(gpu: str) -> None:
    """Prepare a new process."""
    # Ctrl-C is sent to all processes; the parent ends this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if gpu:  # CUDA reads it when it is first used
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu


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
