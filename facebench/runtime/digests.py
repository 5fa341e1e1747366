"""Content digests of files, cached between runs, and the fingerprint of a table of them.

A file is read again only when its size or its modification time has changed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from facebench.errors import DataError
from facebench.progress import Progress, Silent
from facebench.runtime.atomic import atomic_write
from facebench.runtime.seal import bytes_digest
from facebench.runtime.stage import alone

_FORMAT = 1  # of a fingerprint
_CACHE_FORMAT = 2
_THREADS = 4  # hashing and reading both release the interpreter lock
_BLOCK = 1 << 20  # bytes
_CHUNK = 512  # files between two progress reports
# A second change within a file system's time step keeps the time: recent files are not cached.
_YOUNG_NS = 2_000_000_000

_log = logging.getLogger(__name__)


def file_digests(
    root: Path, paths: Sequence[str], cache: Path, *, progress: Progress | None = None
) -> list[str]:
    """Return the SHA-256 of every file, from the cache where nothing has changed.

    Args:
        root: Folder that ``paths`` are relative to.
        paths: Files; ``file#item`` (one image of many in a file) denotes the whole file.
        cache: Folder of the cache; ``cache/digests`` is created.
        progress: Progress reporter for reading the files.

    Returns:
        One hexadecimal digest for each of ``paths``.

    Raises:
        DataError: A file is missing or unreadable.
    """
    files = [_file_of(root, path) for path in paths]
    cached = cache / "digests" / f"{_text_digest(str(root.resolve()))[:24]}.json"
    known = _load(cached)
    wanted = sorted(set(files))
    stamps = {name: _stamp(os.path.join(root, name)) for name in wanted}  # noqa: PTH118 - quick
    stale = [name for name in wanted if known.get(name, [])[:2] != stamps[name]]
    if not stale:
        return [known[name][2] for name in files]
    with alone(cached):
        known = _load(cached) | known  # another process may have read some of them meanwhile
        _read_stale(root, stale, stamps, known, progress)
        _save(cached, root, known)
    return [known[name][2] for name in files]


def _read_stale(
    root: Path, stale: Sequence[str], stamps: Mapping[str, list[int]],
    known: dict[str, list[Any]], progress: Progress | None,
) -> None:  # fmt: skip
    """Add the digests of files, with their stamps, to those that are known."""
    bar = (progress or Silent()).bar("fingerprint", len(stale), "file")
    with ThreadPoolExecutor(_THREADS) as pool, bar as advance:
        for start in range(0, len(stale), _CHUNK):
            chunk = stale[start : start + _CHUNK]
            digests = pool.map(_file_digest, (root / name for name in chunk))
            known.update({n: [*stamps[n], d] for n, d in zip(chunk, digests, strict=True)})
            advance(start + len(chunk))


def table_fingerprint(table: pd.DataFrame, *more: pd.DataFrame) -> str:
    """Return one SHA-256 over the rows of tables; neither row nor column order matters.

    Args:
        table: Any columns of strings, numbers and truth values.
        more: Further tables that belong to it, such as the pairs.

    Returns:
        64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for part in (table, *more):
        columns = sorted(part.columns)
        rows = zip(*(part[column].tolist() for column in columns), strict=True)
        _update(total, columns, sorted(json.dumps(row, ensure_ascii=True) for row in rows))
    return total.hexdigest()


def _update(total: Any, columns: Sequence[str], rows: Iterable[str]) -> None:
    total.update(json.dumps([_FORMAT, *columns]).encode())
    for row in rows:
        total.update(b"\n")
        total.update(row.encode())
    total.update(b"\n\n")


def _file_of(root: Path, path: str) -> str:
    """Drop ``#item``, unless ``#`` belongs to the name of a file."""
    file, mark, _ = path.partition("#")
    return path if not mark or (root / path).exists() else file


def _stamp(file: str) -> list[int]:
    try:
        status = os.stat(file)  # noqa: PTH116 - a Path of each of many files takes longer than this
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}; expected a file.") from error
    return [status.st_size, status.st_mtime_ns]


def _file_digest(file: Path) -> str:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}; expected a file.") from error
    return digest.hexdigest()


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _load(cached: Path) -> dict[str, list[Any]]:
    try:
        head, _, body = cached.read_bytes().partition(b"\n")
        stored = json.loads(head)
        files = {}
        if stored["format"] == _CACHE_FORMAT:
            if stored["digest"] != bytes_digest(body):
                raise ValueError("changed since it was written")
            files = json.loads(body)
        elif stored["format"] == 1:  # one line, without a digest
            files = stored["files"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        _log.warning("%s: unreadable digests, computed again", cached)
        return {}
    return dict(files)


def _save(cached: Path, root: Path, known: dict[str, list[Any]]) -> None:
    newest = time.time_ns() - _YOUNG_NS
    kept = {name: entry for name, entry in known.items() if entry[1] < newest}
    body = json.dumps(kept, sort_keys=True)
    head = {"format": _CACHE_FORMAT, "root": str(root), "digest": bytes_digest(body.encode())}
    atomic_write(cached, f"{json.dumps(head, sort_keys=True)}\n{body}")
