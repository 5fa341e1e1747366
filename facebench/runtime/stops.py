"""Stops by SIGINT (Ctrl-C) and SIGTERM (SLURM, a cloud that takes its machine back).

The first signal is raised as an exception where the main thread is, so that what is under way is
tidied up and pretraining writes a resume point. A second SIGINT ends the process at once. A second
SIGTERM changes nothing: SLURM sends it to every process of a job, which their parent does, too.
In a notebook or a console, whose variables have to stay, SIGINT ends what runs and no process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# joblib's; it may hand out work as its processes are ended, and fails with a KeyError.
_HANDS_OUT_WORK = "ExecutorManagerThread"


class Stopped(SystemExit):
    """The process is to end because of a signal, with the status that a shell gives to that.

    A ``SystemExit``, so that a script which uses facebench ends with this status, too.

    Args:
        signum: The signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)  # 130 for SIGINT, 143 for SIGTERM
        self.signal = signal.Signals(signum)
        self.progress = "the same command goes on with what is missing"

    @property
    def line(self) -> str:
        """Return what is said to the user: the signal, and what the next run does."""
        return f"stopped by {self.signal.name}: {self.progress}"


class Interrupted(KeyboardInterrupt):
    """SIGINT in a notebook or a console; the text says what the next run does."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython and Jupyter show: a line, since nothing is wrong."""
        return [str(self)]


class _Handler:
    """Raises the first signal, and at the second SIGINT ends the process, or what runs in it."""

    def __init__(self) -> None:
        self.stopping = False

    def __call__(self, signum: int, frame: FrameType | None) -> Any:
        """Handle a signal; called in the main thread."""
        if not self.stopping:
            self.stopping = True
            threading.excepthook = partial(_told, threading.excepthook)
            raise Stopped(signum)
        if signum == signal.SIGINT:
            if _is_interactive():
                raise KeyboardInterrupt
            os._exit(128 + signum)


def _told(before: Callable[[threading.ExceptHookArgs], Any], failed: Any) -> None:
    if failed.thread is None or failed.thread.name != _HANDS_OUT_WORK:
        before(failed)


@contextmanager
def processes_end() -> Iterator[None]:
    """Say nothing in the block of the thread that hands out work, since its processes are ended."""
    before = threading.excepthook
    threading.excepthook = partial(_told, before)
    try:
        yield
    finally:
        threading.excepthook = before


_active: list[_Handler] = []  # at most one: that of the outermost ``stop_signals``


@contextmanager
def stop_signals() -> Iterator[None]:
    """Raise :class:`Stopped` in the block when a signal arrives; SIGINT stays ignored if it is.

    Within another such block, and in a thread other than the main one, nothing changes. A notebook
    or a console gets SIGINT as :class:`Interrupted`.
    """
    if _active or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    told = threading.excepthook
    _active.append(_Handler())
    claim_signals()
    try:
        yield
    except Stopped as stop:
        if stop.signal is signal.SIGINT and _is_interactive():
            raise Interrupted(stop.line) from None
        raise
    finally:
        _active.clear()
        threading.excepthook = told
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _is_interactive() -> bool:
    """Return whether this is a notebook or a console; Python and IPython set a prompt there."""
    return hasattr(sys, "ps1")


def leave_signals() -> None:
    """Ignore the signals for the rest of the block: they are another process's to act on."""
    if _active and threading.current_thread() is threading.main_thread():
        for signum in SIGNALS:
            signal.signal(signum, signal.SIG_IGN)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a signal end the process in the block, until ``claim_signals`` is called in it.

    While processes wait for each other, in C++, no handler of Python is called, and there is
    nothing to write yet.
    """
    if _active and threading.current_thread() is threading.main_thread():
        for signum in SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:
                signal.signal(signum, signal.SIG_DFL)
    try:
        yield
    finally:
        claim_signals()


def claim_signals() -> None:
    """Install the handler of the block again, after a library has installed its own."""
    if not _active or threading.current_thread() is not threading.main_thread():
        return
    for signum in SIGNALS:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _active[0])
