"""``facebench leaderboard``: what was measured, ranked task by task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import facebench as fb
from facebench.cli import completion
from facebench.cli.command import command
from facebench.cli.options import (
    DEFAULT_RESULTS,
    KindOfData,
    ReportFile,
    SomeTasks,
    StoredResults,
    names_of,
)
from facebench.errors import StageError, UnknownNameError

if TYPE_CHECKING:
    from facebench.api.results import Results


@command
def leaderboard(
    results: StoredResults = None,
    tasks: SomeTasks = "all",
    synthetic: KindOfData = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="text, md, or html (one file, no network).",
            autocompletion=completion.among("text", "md", "html"),
        ),
    ] = "text",
    out: ReportFile = None,
) -> None:
    """Rank what was measured, task by task, with intervals and where each score comes from."""
    from facebench.results.stats.start import drawing_starts
    from facebench.runtime.cores import cores

    folder = results or DEFAULT_RESULTS
    # Before what follows is imported, which takes as long.
    with drawing_starts(folder, cores(), tasks, synthetic):
        _rank(folder, tasks, synthetic, format_, out)


def _rank(folder: Path, tasks: str, synthetic: bool | None, format_: str, out: Path | None) -> None:
    from facebench.report.board.written import FORMATS, show, written
    from facebench.runtime import terminal
    from facebench.runtime.cores import cores

    terminal.log_to_terminal(False)
    if format_ not in FORMATS:
        raise UnknownNameError("format", format_, FORMATS)
    found = _chosen(fb.load_results(folder), folder, tasks, synthetic)
    if out is not None:
        found.leaderboard(out, format_, processes=cores())
        terminal.err.print(f"leaderboard of {len(found):,} results: {out}", soft_wrap=True)
    elif format_ == "text":
        show(found.board(processes=cores()), terminal.out)
    else:
        terminal.out.file.write(written(found.board(processes=cores()), format_))


def _chosen(found: Results, folder: Path, tasks: str, synthetic: bool | None) -> Results:
    """Return the results of some tasks, on one kind of data.

    Raises:
        UnknownNameError: There is no result of a task.
        StageError: There is none, or none on such data.
    """
    names = names_of(tasks)
    if not found:
        raise StageError(f"{folder}: found no result; facebench run writes some.")
    kept = found.select(tasks=names, synthetic=synthetic)
    if not kept:
        of = f" of {', '.join(names)}" if names else ""
        kind = "synthetic" if synthetic else "real"
        raise StageError(
            f"{folder}: found no result{of} on {kind} data; expected some. Leave out --synthetic "
            "and --real, or name another task."
        )
    return kept
