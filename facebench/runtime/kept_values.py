"""Values that take long to compute from files, kept in the cache under the hash of their inputs.

A value that is damaged, of another format or of other inputs is none: it is computed again. Nothing
depends on what is kept here; ``facebench cache prune --kind scores`` removes it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from facebench.errors import FacebenchError
from facebench.runtime.atomic import atomic_write
from facebench.runtime.seal import RunningDigest
from facebench.runtime.workspace import default_cache

FORMAT = 1
FOLDER = "scores"  # of the cache

_cache: ContextVar[Path | None] = ContextVar("cache", default=None)

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


def is_kept(key: str) -> bool:
    """Return whether there is a value, which may be damaged."""
    try:
        return _path(key).is_file()
    except (OSError, FacebenchError):
        return False


def can_keep() -> bool:
    """Return whether values can be kept, and so are not computed in vain before they are needed."""
    try:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)
    except (OSError, FacebenchError):
        return False


def keep(key: str, value: bytes) -> None:
    """Keep a value, where the cache can be written.

    Args:
        key: As for :func:`kept`.
        value: The value.
    """
    try:
        header = json.dumps(_header(key, value), sort_keys=True)
        atomic_write(_path(key), header.encode() + b"\n" + value)
    except (OSError, FacebenchError) as error:  # a full disk, a cache of others, no home
        _log.debug("not kept: %s", error)


def place() -> Path | None:
    """Return the cache that values are kept in; None where there can be none."""
    try:
        return _cache.get() or default_cache()
    except FacebenchError:  # no home
        return None


@contextmanager
def kept_in(cache: Path | None) -> Iterator[None]:
    """Keep values in this cache; None for the default one."""
    token = _cache.set(cache)
    try:
        yield
    finally:
        _cache.reset(token)


def _folder() -> Path:
    return (_cache.get() or default_cache()) / FOLDER


def _path(key: str) -> Path:
    return _folder() / key


def _header(key: str, value: bytes) -> dict[str, int | str]:
    digest = RunningDigest()
    digest.update(value)
    return {"format": FORMAT, "key": key, "digest": digest.hexdigest()}
