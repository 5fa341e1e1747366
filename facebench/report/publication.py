"""Publication of a folder of results: the paper's tables and the leaderboard.

The files are a pure function of the results: computed again, they have the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from facebench.errors import StageError
from facebench.report.board.html import page, table_page
from facebench.report.board.leaderboard import leaderboard
from facebench.report.board.text import markdown
from facebench.report.reference import printed_layouts
from facebench.report.tables.formats import render
from facebench.report.tables.grid import grid
from facebench.report.tables.paper_table import paper_tables
from facebench.results.store import Result
from facebench.runtime.atomic import atomic_write

TABLE_FILES = {"md": "md", "latex": "tex", "csv": "csv", "html": "html", "json": "json"}
COMPARE_METHODS = (1, 2, 3, 4)  # these tables, too, with one run for each method
_BLOCK = re.compile(r"(<!-- published: (?P<name>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def published(results: Sequence[Result], root: Path, folder: Path | None = None) -> dict[str, str]:
    """Return the published files: name -> text.

    Args:
        results: Results to publish.
        root: Folder of the results.
        folder: Where the files will be; None: the page links to no result.

    Raises:
        StageError: A result cannot be used.
    """
    board = leaderboard(results, root, beside=folder)  # first: it keeps what tables ask for, too
    files = {}
    for number in printed_layouts():
        for synthetic, kind in ((False, "real"), (True, "synthetic")):
            tables = paper_tables(number, results, synthetic)
            if not any(row.entry for table in tables for row in table.rows):
                continue  # no results of ours: a copy of the printed table is not published
            of_table = f"table{number}-{kind}"
            for form, suffix in TABLE_FILES.items():
                files[f"{of_table}.{suffix}"] = render(tables, form)
            whole = table_page(grid(tables[0]).title, files[f"{of_table}.html"])
            files[f"{of_table}.html"] = whole
            if number in COMPARE_METHODS:
                chosen = paper_tables(number, results, synthetic, "matched")
                files[f"table{number}-{kind}-matched.md"] = render(chosen, "md")
    return files | {"leaderboard.md": markdown(board), "leaderboard.html": page(board)}


def publish(files: Mapping[str, str], folder: Path) -> None:
    """Write files into a folder, each atomically.

    Tables of an earlier publication that are not part of this one are removed.
    """
    for name, text in files.items():
        atomic_write(folder / name, text)
    for stale in folder.glob("table[0-9]-*.*"):
        if stale.name not in files:
            stale.unlink()


def filled(document: str, files: Mapping[str, str], name: str) -> str:
    """Return a Markdown document with its published blocks filled.

    A block begins with ``<!-- published: table1-real.md -->`` and stops at ``<!-- end -->``, each
    on a line of its own.

    Args:
        document: Text of the document.
        files: The published files.
        name: Name of the document, used in messages.

    Raises:
        StageError: A block names a file that is not published, or there is no block.
    """
    if not _BLOCK.search(document):
        raise StageError(
            f"{name}: found no '<!-- published: FILE -->' that stops at '<!-- end -->'; expected "
            "at least one. Add the two lines where a table belongs."
        )

    def block(match: re.Match[str]) -> str:
        wanted = match["name"]
        if wanted not in files:
            raise StageError(
                f"{name}: asks for {wanted}, which is not published; expected one of "
                f"{', '.join(sorted(files))}. Correct the block."
            )
        return f"{match[1]}\n{files[wanted].strip()}\n\n{match[3]}"

    return _BLOCK.sub(block, document)
