"""``local``: one run at a time, in this process."""

from __future__ import annotations

from concurrent.futures import Future

from facebench.runtime.workspace import Workspace
from facebench.sweep.executors.attempt import attempt
from facebench.sweep.executors.protocol import Ended
from facebench.sweep.plan import PlannedRun


class LocalExecutor:
    """Computes a run as soon as it is submitted.

    Args:
        workspace: Folders, device and progress reporter.
    """

    places = 1

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def submit(self, planned: PlannedRun) -> Future[Ended]:
        """Compute a run, and return its outcome as a future that is done."""
        future: Future[Ended] = Future()
        loaded = planned.run
        future.set_result(attempt(planned.spec, lambda: loaded, self._workspace, planned.beside))
        return future

    def close(self) -> None:
        """Do nothing, since no run is in the background."""
