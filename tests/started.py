"""Commands in processes of their own, which start at once and can be killed or stopped.

Each is forked from one process that has imported what a run needs; importing torch and Lightning
again for each of them takes most of the time of such tests.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import psutil

from conftest import environment
from facebench.cli import app

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["facebench.cli", "facebench.api.runs", "facebench.api.sweeps", "facebench.pretrain.engine",
     "facebench.report.render", "facebench.testing.contract", "sklearn.model_selection",
     "pyarrow.parquet", "imagehash", "lightly.loss", "lightly.models.modules.heads"]
)  # fmt: skip


class Started:
    """A command under way.

    Args:
        arguments: Arguments of the command line.
        folder: Its working folder, with ``cache`` in it.
        data: Its data folder.
    """

    def __init__(self, arguments: list[str], folder: Path, data: Path) -> None:
        self._cache, self._errors = folder / "cache", folder / "errors"
        given = (arguments, folder, environment(folder, data), self._errors)
        self.process = CONTEXT.Process(target=_command, args=given)
        self.process.start()

    def wait_for(self, pattern: str, count: int = 1) -> None:
        """Wait until so many files or folders of its cache match a pattern."""
        deadline = time.monotonic() + 300  # a process may be slow beside others
        while len(list(self._cache.glob(pattern))) < count:
            assert self.process.is_alive(), f"ended before {pattern} appeared: {self.errors()}"
            if time.monotonic() > deadline:
                self.process.kill()  # else it computes on beside all other tests
                raise AssertionError(f"{pattern} did not appear")
            time.sleep(0.005)

    def children(self) -> list[psutil.Process]:
        """Return the processes that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, signum: int) -> int:
        """Send a signal and wait; return the exit status, negative if the signal ended it."""
        children = self.children()
        os.kill(self.process.pid or 0, signum)
        self.process.join(120)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError("still alive two minutes after the signal")
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive
        return self.process.exitcode

    def wait(self, seconds: float) -> int:
        """Wait until it ends by itself; return the exit status."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError(f"still alive after {seconds} s: {self.errors()}")
        return self.process.exitcode

    def errors(self) -> str:
        """Return what it wrote to standard error."""
        return self._errors.read_text() if self._errors.exists() else ""


def _command(arguments: list[str], folder: Path, variables: dict[str, str], errors: Path) -> None:
    """Run a command; its status is that of the process."""
    # A shell starts background processes, of which this may be one, with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.update(variables)
    for number, target in ((1, Path(os.devnull)), (2, errors)):
        os.dup2(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    app(arguments)
