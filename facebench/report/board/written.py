"""The leaderboard written out: as text, as Markdown, as one HTML page."""

from __future__ import annotations

import io

from rich.console import Console

from facebench.errors import UnknownNameError
from facebench.report.board.html import page
from facebench.report.board.model import Leaderboard
from facebench.report.board.text import EMPTY, markdown, note, terminal_tables

FORMATS = ("text", "md", "html")
_WIDTH = 200  # columns of a text file


def written(board: Leaderboard, form: str) -> str:
    """Return a leaderboard in one of ``FORMATS``; the same leaderboard gives the same bytes.

    Raises:
        UnknownNameError: There is no such format.
    """
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    if form == "html":
        return page(board)
    if form == "md":
        return markdown(board)
    file = io.StringIO()
    show(board, Console(file=file, width=_WIDTH, color_system=None))
    return file.getvalue()


def show(board: Leaderboard, console: Console) -> None:
    """Print a leaderboard to a terminal, as wide as it is."""
    for table in terminal_tables(board, console.width):
        console.print(table)
    console.print(note(board) if board.boards else EMPTY, markup=False)
