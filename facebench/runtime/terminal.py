"""Output on a terminal or in a notebook: progress bars, tables, warnings."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from facebench.progress import Advance
from facebench.rendering.characters import visible
from facebench.runtime.notebook import notebook_bar

SECONDS_BEFORE_A_BAR = 2.0  # seconds; shorter stages show no bar

out = Console()
err = Console(stderr=True)
if err.is_jupyter:  # tqdm, which Lightning imports and does not use here, asks for ipywidgets
    warnings.filterwarnings("ignore", message="IProgress not found")


class RateColumn(ProgressColumn):
    """Units per second."""

    def render(self, task: Task) -> Text:
        """Return the rate, as soon as there is one."""
        speed = task.finished_speed or task.speed
        unit = task.fields["unit"]
        return Text(f"{speed:,.1f} {unit}/s" if speed else "", style="progress.data.speed")


class TerminalProgress:
    """Bars with rate and time left on a terminal and in a notebook; nothing anywhere else."""

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[Advance]:
        """Open a bar that appears when the stage has taken two seconds."""
        if err.is_jupyter:
            with notebook_bar(title, total, unit, after=SECONDS_BEFORE_A_BAR) as advance:
                yield advance
            return
        if not err.is_terminal:
            yield lambda done: None
            return
        shown = Progress(
            TextColumn("{task.description:10s}"), BarColumn(), MofNCompleteColumn(),
            RateColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            console=err, transient=True,
        )  # fmt: skip
        task = shown.add_task(title, total=total, unit=unit)
        started, running = time.monotonic(), False

        def advance_shown(done: int) -> None:
            nonlocal running
            shown.update(task, completed=done)
            if not running and time.monotonic() - started > SECONDS_BEFORE_A_BAR:
                shown.start()
                running = True

        try:
            yield advance_shown
        finally:
            if running:
                shown.stop()


class Once(logging.Filter):
    """Lets a warning through once, whichever of several runs or figures repeats it."""

    def __init__(self) -> None:
        super().__init__()
        self._said = set[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a message is new."""
        said, message = self._said, record.getMessage()
        new = record.levelno != logging.WARNING or message not in said
        said.add(message)
        return new


class _OurOnce(Once):
    """The same of warnings of facebench; those of others are a program's own."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.name.startswith("facebench") or super().filter(record)


def log_to_terminal(verbose: bool, *, warns: bool = True) -> None:
    """Send logs to standard error: each warning once, and info messages if ``verbose``.

    Args:
        verbose: Whether info messages are shown.
        warns: Whether this process warns. Of several that pretrain together the first one does.
    """
    handler = RichHandler(console=err, show_time=False, show_path=False, markup=False)
    handler.addFilter(Once())
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    level = logging.INFO if verbose else logging.WARNING
    logging.getLogger("facebench").setLevel(level if warns else logging.ERROR)


@contextmanager
def warned_once() -> Iterator[None]:
    """Show each warning of facebench once in the block, where a program's logs are shown.

    Several runs of a call open the same data, and a program need not have configured logs.
    """
    shown = logging.getLogger().handlers or [one for one in (logging.lastResort,) if one]
    filters = [(handler, _OurOnce()) for handler in shown]
    for handler, once in filters:
        handler.addFilter(once)
    try:
        yield
    finally:
        for handler, once in filters:
            handler.removeFilter(once)


@contextmanager
def gathered_warnings() -> Iterator[dict[str, None]]:
    """Gather warnings instead of printing them: another process prints them, once for several.

    Yields:
        The messages so far, as keys, in the order in which each first came.
    """
    gathered: dict[str, None] = {}

    def gather(record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        gathered.setdefault(record.getMessage())
        return False

    handlers = logging.getLogger().handlers
    for handler in handlers:
        handler.addFilter(gather)
    try:
        yield gathered
    finally:
        for handler in handlers:
            handler.removeFilter(gather)


def fail(message: str) -> None:
    """Print an error as one line to standard error and exit with status 2."""
    err.print(Text.assemble(("error: ", "bold red"), visible(message)), soft_wrap=True)
    sys.exit(2)
