"""What ``facebench publish`` does: read results, lay everything out, write it."""

from __future__ import annotations

from pathlib import Path

from facebench.errors import StageError
from facebench.report.entries import stored_results
from facebench.report.publication import filled, publish, published
from facebench.runtime.atomic import atomic_write
from facebench.runtime.terminal import err, log_to_terminal


def publish_command(results: Path, folder: Path, documents: tuple[Path, ...]) -> None:
    """Write tables and pages, and fill the documents that show them.

    Raises:
        StageError: A result cannot be used, a document is missing or asks for what is not there;
            nothing is written then.
    """
    log_to_terminal(False)
    found = stored_results(results)
    if not found:
        raise StageError(f"{results}: found no result; expected <task>/<name>.json below it.")
    files = published(found, results)
    texts = {}
    for path in documents:
        if not path.is_file():
            raise StageError(f"{path}: no such file; expected a Markdown file for --document.")
        texts[path] = filled(path.read_text(encoding="utf-8"), files, str(path))
    publish(files, folder)
    for path, text in texts.items():
        atomic_write(path, text)
    err.print(f"{len(files)} files of {len(found):,} results: {folder}", soft_wrap=True)
