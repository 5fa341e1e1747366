"""What ``facebench leaderboard`` does: call the API, and write or show the boards."""

from __future__ import annotations

from pathlib import Path

from facebench.api.results import load_results
from facebench.errors import UnknownNameError
from facebench.report.board.written import FORMATS, show, written
from facebench.runtime.terminal import err, log_to_terminal, out


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
    found = load_results(results)
    if target is not None:
        found.leaderboard(target, form)
        err.print(f"leaderboard of {len(found):,} results: {target}", soft_wrap=True)
    elif form == "text":
        show(found.board(), out)
    else:
        out.file.write(written(found.board(), form))
