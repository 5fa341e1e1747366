"""What ``facebench publish`` does: call the API, and say how much was written."""

from __future__ import annotations

from pathlib import Path

from facebench.api.folders import publish
from facebench.runtime.terminal import err, log_to_terminal


def publish_command(results: Path, folder: Path, documents: tuple[Path, ...]) -> None:
    """Write tables and pages, and fill the documents that show them.

    Raises:
        StageError: A result cannot be used, a document is missing or asks for what is not there;
            nothing is written then.
    """
    log_to_terminal(False)
    done = publish(results, folder, documents=documents)
    err.print(f"{len(done.files)} files of {done.results:,} results: {folder}", soft_wrap=True)
