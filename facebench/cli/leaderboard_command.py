"""What ``facebench leaderboard`` does: read results, build the boards, write them."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from facebench.errors import UnknownNameError
from facebench.report.board.html import page
from facebench.report.board.leaderboard import leaderboard
from facebench.report.board.model import Leaderboard
from facebench.report.board.text import EMPTY, NOTE, markdown, terminal_tables
from facebench.report.entries import stored_results
from facebench.runtime.atomic import atomic_write
from facebench.runtime.terminal import err, log_to_terminal, out

FORMATS = ("text", "md", "html")
_WIDTH = 200  # columns of a text file


def leaderboard_command(results: Path, form: str, target: Path | None) -> None:
    """Write the leaderboard of a folder of results.

    Args:
        results: The folder.
        form: One of ``FORMATS``.
        target: File to write; None for the terminal.

    Raises:
        UnknownNameError: No such format.
        StageError: The folder is missing, or a result cannot be used.
    """
    log_to_terminal(False)
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    built = leaderboard(stored_results(results), results)
    if target is not None:
        atomic_write(target, _written(built, form))
        err.print(f"leaderboard of {len(built.results):,} results: {target}", soft_wrap=True)
    elif form == "text":
        _show(built, out)
    else:
        out.file.write(_written(built, form))


def _written(built: Leaderboard, form: str) -> str:
    if form == "html":
        return page(built)
    if form == "md":
        return markdown(built)
    file = io.StringIO()
    _show(built, Console(file=file, width=_WIDTH, color_system=None))
    return file.getvalue()


def _show(built: Leaderboard, console: Console) -> None:
    for table in terminal_tables(built, console.width):
        console.print(table)
    console.print(NOTE if built.boards else EMPTY)
