"""What is kept in a cache, and what killed processes left: listed, checked, removed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock, Timeout

from facebench.data.align.landmarks import RECORD as LANDMARKS_RECORD
from facebench.data.align.landmarks import LandmarksRecord
from facebench.data.pack_record import PackRecord
from facebench.data.packed import RECORD as PACK_RECORD
from facebench.errors import FacebenchError, StageError, UnknownNameError
from facebench.evaluation.features_record import FeaturesRecord
from facebench.evaluation.store import RECORD as FEATURES_RECORD
from facebench.results.finding import find_results
from facebench.results.store import read_result
from facebench.runtime.stage_record import StageRecord, check_files, read_stage_record
from facebench.weights.checkpoint import RECORD as CHECKPOINT_RECORD
from facebench.weights.record import CheckpointRecord

CacheKind = Literal[
    "checkpoints", "features", "landmarks", "packed", "synthetic", "leaks", "scans", "digests",
    "jobs", "scores", "unfinished", "left over",
]  # fmt: skip
KINDS: tuple[CacheKind, ...] = get_args(CacheKind)
_RECORDS: dict[str, tuple[str, type[StageRecord]]] = {
    "checkpoints": (CHECKPOINT_RECORD, CheckpointRecord),
    "features": (FEATURES_RECORD, FeaturesRecord),
    "landmarks": (LANDMARKS_RECORD, LandmarksRecord),
    "packed": (PACK_RECORD, PackRecord),
}
_FOLDERS = (*KINDS[:10], "locks")
_DAY = 24 * 3600
_IN_USE = 3600  # seconds; temporary files and locks that are younger may be in use


@dataclass(frozen=True)
class CacheEntry:
    """One thing in a cache.

    Args:
        path: Its file or folder.
        kind: What it is; ``unfinished`` is a stage that the next run goes on with, ``left over`` a
            lock or a temporary file.
        bytes: Size of all its files.
        days: Since it was last written.
        needed: Whether a stored result was computed from it.
    """

    path: Path
    kind: CacheKind
    bytes: int
    days: float
    needed: bool = False


def cache_entries(cache: Path, results: Iterable[Path] = ()) -> list[CacheEntry]:
    """Return what is in a cache, by kind and path.

    Args:
        cache: Folder of the cache.
        results: Folders of results; what these were computed from counts as needed.

    Raises:
        StageError: There is no such folder, or a folder of results is missing.
    """
    if not cache.is_dir():
        raise StageError(
            f"{cache}: no such folder; expected a cache, which the first run makes. "
            "Give another with --cache."
        )
    needed = _needed(results)
    found = [
        entry
        for name in _FOLDERS
        if (cache / name).is_dir()
        for entry in _entries(cache / name, name, needed)
    ]
    return sorted(found, key=lambda entry: (KINDS.index(entry.kind), entry.path))


def prunable(
    entries: Iterable[CacheEntry], kinds: Collection[str] = (), *,
    older_than: float = 0.0, larger_than: int = 0, needed: bool = False,
) -> list[CacheEntry]:  # fmt: skip
    """Return the entries that may be removed.

    Args:
        entries: Entries of a cache.
        kinds: Kinds to remove; by default only what is left over.
        older_than: Only what was last written so many days ago, or longer.
        larger_than: Only what has so many bytes or more.
        needed: Also what stored results were computed from.

    Raises:
        UnknownNameError: There is no such kind.
    """
    chosen = tuple(kinds) or ("left over",)
    for kind in chosen:
        if kind not in KINDS:
            raise UnknownNameError("kind", kind, KINDS, where="--kind")
    return [
        entry
        for entry in entries
        if entry.kind in chosen
        and entry.days >= older_than
        and entry.bytes >= larger_than
        and (needed or not entry.needed)
    ]


def remove(entries: Iterable[CacheEntry]) -> Iterator[CacheEntry]:
    """Remove entries, and yield those that are gone; what a process holds the lock of stays."""
    for entry in entries:
        lock = _lock_of(entry)
        if lock.parent.name == "locks":  # which a cache of scores alone lacks
            lock.parent.mkdir(exist_ok=True)
        if not lock.parent.is_dir():
            continue
        try:
            with FileLock(lock, blocking=False):
                _delete(entry.path)
        except Timeout:
            continue
        yield entry


def damaged(cache: Path) -> Iterator[tuple[Path, str]]:
    """Read every file of every finished stage, and yield each stage that is damaged, with why."""
    for kind, (name, form) in _RECORDS.items():
        for folder in sorted((cache / kind).glob("*")):
            if not folder.is_dir() or folder.suffix in (".partial", ".tmp"):
                continue
            try:
                check_files(folder, read_stage_record(folder / name, form), everything=True)
            except FacebenchError as error:
                yield folder, str(error)


def _entries(folder: Path, name: str, needed: frozenset[str]) -> Iterator[CacheEntry]:
    now = time.time()
    for path in sorted(folder.iterdir()):
        try:
            size, changed = _size(path)
        except FileNotFoundError:  # another process finished it meanwhile
            continue
        kind = _kind(path, name)
        days = max(0.0, (now - changed) / _DAY)
        if kind != "left over" or days * _DAY >= _IN_USE:
            yield CacheEntry(path, kind, size, days, f"{name}/{path.name}" in needed)
        if path.is_dir() and kind != "left over":
            yield from _left_inside(path, now)


def _left_inside(folder: Path, now: float) -> Iterator[CacheEntry]:
    for path in sorted(folder.glob(".*.tmp")):
        size, changed = _size(path)
        if now - changed >= _IN_USE:
            yield CacheEntry(path, "left over", size, (now - changed) / _DAY)


def _kind(path: Path, folder: str) -> CacheKind:
    if path.suffix in (".lock", ".tmp") or folder == "locks":
        return "left over"
    if path.suffix == ".partial":
        return "unfinished"
    return next(kind for kind in KINDS if kind == folder)


def _size(path: Path) -> tuple[int, float]:
    """Return bytes, and the time of the last change, of a file or of all files of a folder."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    known = [file.stat() for file in files]
    size = sum(one.st_size for file, one in zip(files, known, strict=True) if file.is_file())
    return size, max(one.st_mtime for one in known)


def _needed(results: Iterable[Path]) -> frozenset[str]:
    """Return the stages that results were computed from, ``checkpoints/KEY`` and the like."""
    found = set[str]()
    for folder in results:
        for path in find_results(folder)[0]:
            record = read_result(path).record
            found |= {
                f"checkpoints/{record.stages.checkpoint}",
                f"features/{record.stages.features}",
            }
    return frozenset(found)


def _lock_of(entry: CacheEntry) -> Path:
    path = entry.path
    if path.suffix == ".lock":
        return path
    name = path.name.removesuffix(".partial")
    if path.parent.name in ("checkpoints", "features", "landmarks"):
        return path.with_name(f"{name}.lock")
    if path.parent.name in ("leaks", "scans", "digests", "jobs", "scores"):
        return path.parent.parent / "locks" / f"{name}.lock"
    return path.with_name(f".{name}.lock")


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
