"""Progress in a notebook: one line below a cell, which needs nothing but IPython."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import escape
from typing import Any

from facebench.progress import Advance

SECONDS_BETWEEN = 0.5  # seconds; each change is a message to the browser

_lines: dict[Any, Any] = {}  # the display of the cell that ran last, by the count of its run


@contextmanager
def notebook_bar(title: str, total: int, unit: str, *, after: float) -> Iterator[Advance]:
    """Show a bar in the line of the cell; that line is empty again at the end.

    Args:
        title: What is done.
        total: Number of units.
        unit: One of them, in words.
        after: Seconds before there is a bar; shorter stages show none.
    """
    started = shown_at = time.monotonic()
    line: Any = None

    def advance(done: int) -> None:
        nonlocal line, shown_at
        now = time.monotonic()
        if now - started <= after or (line is not None and now - shown_at < SECONDS_BETWEEN):
            return
        line, shown_at = line or _line_of_cell(), now
        text = _text(title, done, total, unit, now - started)
        bar = f'<progress max="{total}" value="{done}"></progress> {escape(text)}'
        line.update({"text/plain": text, "text/html": bar}, raw=True)

    try:
        yield advance
    finally:
        if line is not None:
            line.update({"text/plain": "", "text/html": ""}, raw=True)


def _line_of_cell() -> Any:
    """Return the display of the cell that runs: the stages of a run share one."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    shell: Any = get_ipython()
    count = shell.execution_count
    if count not in _lines:
        _lines.clear()
        _lines[count] = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    return _lines[count]


def _text(title: str, done: int, total: int, unit: str, seconds: float) -> str:
    """Return ``extract: 120 of 3,589, 34.0 image/s, 0:00:04, left 0:01:42``."""
    said = f"{title}: {done:,} of {total:,}"
    if not done:
        return said
    rate = done / max(seconds, 1e-9)
    spent, left = (timedelta(seconds=round(s)) for s in (seconds, max(total - done, 0) / rate))
    return f"{said}, {rate:,.1f} {unit}/s, {spent}, left {left}"
