"""Whether a machine sees the cache of the machine that started a sweep, or a folder of its own."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path

from facebench.errors import StageError
from facebench.runtime.atomic import atomic_write, locked
from facebench.runtime.workspace import read_record, to_json

FORMAT = 1
FILE = "identity.json"


def identity(cache: Path) -> str:
    """Return the identity of a cache, a random text in a file of it, written if it is missing.

    Raises:
        StageError: The file is not one of this program.
    """
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / FILE
    with locked(cache / f".{FILE}.lock"):
        if not path.exists():
            atomic_write(path, to_json({"format": FORMAT, "id": uuid.uuid4().hex}))
    return _read(path)


def check_identity(cache: Path, expected: str) -> None:
    """Check that a folder is the cache that has this identity.

    Raises:
        StageError: It is another folder of the same name, or there is none.
    """
    path = cache / FILE
    if path.exists() and _read(path) == expected:
        return
    raise StageError(
        f"{cache} on {socket.gethostname()} is not the cache of the machine that started the "
        "sweep; expected a folder that all machines share. Name one with --cache, and one with "
        "--results."
    )


def _read(path: Path) -> str:
    return str(read_record(path, (FORMAT,))["id"])
