"""Stamps of files and folders: what changes when they do, found without reading any of them.

The stamp of a file is its inode, its size and both times of change. A program can set the time of
the last write, and none the time of the last change of the inode; so a file whose stamp is as it
was has its content of then. A second write within a time step of the file system keeps both times:
what was stamped is to be older than the moment from which it must not have changed, see
:attr:`Stamp.newest`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

MOST = 100_000  # files below a folder: to look at more takes longer than what is saved
_WRITTEN_BY_PYTHON = "__pycache__"  # when code is run, which does not change the code


@dataclass(frozen=True)
class Stamp:
    """The state of files.

    Args:
        digest: SHA-256 of the names and stamps of all.
        newest: The last time at which a file or a folder of them was changed, in nanoseconds since
            1970: also when one was removed or renamed.
    """

    digest: str
    newest: int


@dataclass(frozen=True)
class Inputs:
    """Files and folders whose state is of interest.

    Args:
        trees: Folders with everything below them; links are followed.
        files: Single files.
        listed: Folders of which the names that they have count, and nothing below.
    """

    trees: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()

    def stamp(self) -> Stamp:
        """Return the state of all.

        Raises:
            OSError: One is missing, or cannot be looked at.
            ValueError: There are more than :data:`MOST` below a folder.
        """
        total, newest = hashlib.sha256(), 0
        for file in self.files:
            newest = max(newest, _take(total, file, os.stat(file)))  # noqa: PTH116 - quick
        for tree in self.trees:
            total.update(f"{tree}\0\n".encode(errors="surrogateescape"))
            for count, (name, status) in enumerate(_below(tree, ())):
                if count > MOST:
                    raise ValueError(f"{tree}: more than {MOST:,} files")
                is_folder = stat.S_ISDIR(status.st_mode)
                newest = max(newest, _newest(status) if is_folder else _take(total, name, status))
        for folder in self.listed:
            newest = max(newest, _newest(os.stat(folder)))  # noqa: PTH116
            names = sorted(os.listdir(folder))  # noqa: PTH208
            total.update("\0".join([folder, *names, "\n"]).encode(errors="surrogateescape"))
        return Stamp(total.hexdigest(), newest)


def _take(total: hashlib._Hash, name: str, status: os.stat_result) -> int:
    """Add a file to a digest; return when it was last changed."""
    written, changed = status.st_mtime_ns, status.st_ctime_ns
    line = f"{name}\0{status.st_ino} {status.st_size} {written} {changed}\n"
    total.update(line.encode(errors="surrogateescape"))
    return _newest(status)


def _newest(status: os.stat_result) -> int:
    return max(status.st_mtime_ns, status.st_ctime_ns)


def _below(
    folder: str, within: tuple[tuple[int, int], ...]
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield path and status of a folder and of all that is below it, in an order of its own.

    Args:
        folder: The folder.
        within: Device and number of each folder that it lies in: a link to one of them would have
            no end, and is not followed.
    """
    status = os.stat(folder)  # noqa: PTH116 - quick
    here = (status.st_dev, status.st_ino)
    if here in within:
        return
    yield folder, status
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if not entry.is_dir():
            yield entry.path, entry.stat()
        elif entry.name != _WRITTEN_BY_PYTHON:
            yield from _below(entry.path, (*within, here))
