"""Values that take long to compute from files, kept in the cache under the hash of their inputs.

A value that is damaged, of another format or of other inputs is none: it is computed again. Nothing
depends on what is kept here; ``facebench cache prune --kind scores`` removes it.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from facebench.errors import FacebenchError
from facebench.runtime.atomic import atomic_file
from facebench.runtime.seal import RunningDigest
from facebench.runtime.workspace import default_cache

FORMAT = 1
FOLDER = "scores"  # of the cache

_log = logging.getLogger(__name__)


def kept(key: str) -> bytes | None:
    """Return a value; None if there is none that is as it was written.

    Args:
        key: Hash of everything that the value depends on, the version of its code included.
    """
    try:
        with _path(key).open("rb") as file:
            header = json.loads(file.readline())
            value = file.read()
    except (OSError, ValueError, FacebenchError):  # ValueError: what is read is no JSON
        return None
    return value if header == _header(key, value) else None


def keep(key: str, value: bytes) -> None:
    """Keep a value, where the cache can be written.

    Args:
        key: As for :func:`kept`.
        value: The value.
    """
    try:
        with atomic_file(_path(key)) as temporary:
            header = json.dumps(_header(key, value), sort_keys=True)
            temporary.write_bytes(header.encode() + b"\n" + value)
    except (OSError, FacebenchError) as error:  # a full disk, a cache of others, no home
        _log.debug("not kept: %s", error)


def _path(key: str) -> Path:
    return default_cache() / FOLDER / key


def _header(key: str, value: bytes) -> dict[str, int | str]:
    digest = RunningDigest()
    digest.update(value)
    return {"format": FORMAT, "key": key, "digest": digest.hexdigest()}
