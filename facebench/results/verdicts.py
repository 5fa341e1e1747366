"""Which results were valid when all of their scores were computed again, kept by their digests.

Only that nothing was wrong is kept, never a number: what is shown of a result is always read from
its own file.
"""

from __future__ import annotations

from pathlib import Path

from facebench import __version__
from facebench.config.spec import digest
from facebench.runtime.kept_values import keep, kept
from facebench.runtime.seal import file_digest

VERSION = 4  # goes up when a result is checked in another way
_VALID = b"valid"


def verdict_key(path: Path, protocol_version: int) -> str:
    """Return the hash of everything that a verdict on scores depends on.

    Args:
        path: A result's JSON file; its predictions lie beside it.
        protocol_version: Version of the protocol that computes the scores here.

    Raises:
        StageError: One of the two files cannot be read.
    """
    files = [file_digest(file) for file in (path, path.with_suffix(".parquet"))]
    return digest(["verdict", VERSION, __version__, protocol_version, *files])


def known_valid(key: str) -> bool:
    """Return whether the scores of these files were computed again, and none differed."""
    return kept(key) == _VALID


def note_valid(key: str) -> None:
    """Keep that none differed."""
    keep(key, _VALID)
