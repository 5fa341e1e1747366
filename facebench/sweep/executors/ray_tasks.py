"""``ray``: runs as tasks of a Ray cluster, or of one that is started on this machine."""

from __future__ import annotations

import logging
import os
import socket
from concurrent.futures import Future
from functools import partial
from typing import Any

from facebench.errors import SpecError
from facebench.runtime.stops import claim_signals
from facebench.sweep.executors.attempt import Site, compute, packed, packed_run
from facebench.sweep.executors.protocol import Ended, RunNeeds
from facebench.sweep.plan import PlannedRun

RETRIES = 3  # of a run whose node or process died; project's choice
_ANSWER_SECONDS = 10  # a cluster's first node may take so long to accept a connection
_STOP_SECONDS = 120  # a run may take so long to write its resume point

_log = logging.getLogger(__name__)


class RayExecutor:
    """Computes runs as Ray Core tasks; a run whose node died is computed on another one.

    Args:
        address: Address of a cluster; empty: that of ``RAY_ADDRESS``, else one of this machine,
            which ends with the sweep.
        places: Runs at a time; None: as many as the cluster can compute at once when it is joined.
        needs: What one run takes.
        site: Folders, plugins and threads.

    Raises:
        SpecError: Ray is not installed, no cluster answers, or none of its nodes is so large.
    """

    def __init__(self, address: str, places: int | None, needs: RunNeeds, site: Site) -> None:
        self._ray = _join(address)
        claim_signals()  # Ray has installed a handler of its own
        try:
            capacity = _capacity(self._ray.nodes(), needs)
        except SpecError:
            self._ray.shutdown()
            raise
        self.places = places or capacity
        self._site = self._ray.put(packed(site))
        self._task = self._ray.remote(compute).options(
            num_cpus=needs.cpus, num_gpus=needs.gpus, max_retries=RETRIES,
            scheduling_strategy="SPREAD", name="facebench",
        )  # fmt: skip
        self._under_way: dict[Future[Ended], Any] = {}

    def submit(self, planned: PlannedRun) -> Future[Ended]:
        """Submit a run as a task."""
        reference = self._task.remote(self._site, packed_run(planned))
        future: Future[Ended] = Future()
        self._under_way[future] = reference
        reference.future().add_done_callback(partial(_pass_on, future))
        return future

    def close(self) -> None:
        """Cancel the tasks, wait until pretraining has written its resume points, and leave."""
        left = [reference for future, reference in self._under_way.items() if not future.done()]
        for reference in left:
            self._ray.cancel(reference, force=False)
        if left:
            self._ray.wait(left, num_returns=len(left), timeout=_STOP_SECONDS)
        self._ray.shutdown()


def _join(address: str) -> Any:
    """Join a cluster, or start one, and return Ray."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    try:
        import ray
        from ray.exceptions import RayError
    except ImportError as error:
        raise SpecError(
            f"--executor ray needs Ray ({error}). Install it: pip install 'facebench[ray]'."
        ) from error
    if ray.is_initialized():  # of the script that calls this
        return ray
    for name, asked in (("--ray-address", address), ("RAY_ADDRESS", os.environ.get("RAY_ADDRESS"))):
        if asked:
            check_answers(asked, name)
            break
    try:
        ray.init(address=address or None, include_dashboard=None if address else False)
    except (ConnectionError, ValueError, RuntimeError, OSError, RayError) as error:
        where = f"--ray-address {address}" if address else "a Ray cluster on this machine"
        reason = str(error).strip().splitlines()[0]
        raise SpecError(f"{where}: {reason}. See 'ray status'.") from error
    return ray


def check_answers(address: str, where: str) -> None:
    """Refuse an address where nothing listens, which Ray would try for minutes.

    Args:
        address: ``HOST:PORT``, or what Ray itself finds a cluster by (``auto``).
        where: The flag or variable that it was given by.

    Raises:
        SpecError: Nothing does.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isdigit()):  # auto, local: for Ray to find
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise SpecError(
            f"{where} {address}: nothing answers there ({error}). Give the address that "
            "'ray start --head' printed, or auto on a machine of the cluster."
        ) from error


def _capacity(nodes: list[dict[str, Any]], needs: RunNeeds) -> int:
    """Return how many runs fit into a cluster.

    Raises:
        SpecError: None does.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    fits = []
    for node in alive:
        fit = node.get("CPU", 0) // needs.cpus
        if needs.gpus:
            fit = min(fit, node.get("GPU", 0) / needs.gpus)
        fits.append(int(fit))
    if not any(fits):
        found = ", ".join(f"{n.get('CPU', 0):g} CPUs and {n.get('GPU', 0):g} GPUs" for n in alive)
        raise SpecError(
            f"a run asks for {needs.cpus} CPUs and {needs.gpus:g} GPUs; expected a node of the "
            f"cluster that has them, found {found or 'no node'}. Change --cpus-per-run or "
            "--gpus-per-run."
        )
    return sum(fits)


def _pass_on(future: Future[Ended], inner: Future[Ended]) -> None:
    """Give the outcome of a task, or why Ray has none, to the sweep."""
    error = inner.exception()
    if error is None:
        future.set_result(inner.result())
        return
    lines = str(error).strip().splitlines()
    reason = lines[-1] if lines else ""
    future.set_result(Ended(error=f"Ray gave it up: {type(error).__name__}: {reason}"))
