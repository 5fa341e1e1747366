"""The command line: a file for each command, which parses, calls the API and prints.

May import everything; nothing imports it.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facebench.cli.application import app as app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line.

    While it is imported, and when a command has ended, Ctrl-C ends the process and nothing is said;
    what a command does at Ctrl-C is in :mod:`facebench.runtime.stops`.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from facebench.cli.application import run_commands  # which takes longer than some commands

    run_commands()


def __getattr__(name: str) -> Any:
    """Import ``app`` when it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from facebench.cli.application import app

    return app
