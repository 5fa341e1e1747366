"""Atomic writes: folders and files get their name only when they are complete."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Provide a temporary folder beside ``target`` and rename it when the block ends.

    An exception, Ctrl-C included, removes the temporary folder.

    Args:
        target: The folder to create; its parents are created too.

    Yields:
        An empty folder to write into.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o755)  # mkdtemp makes it private, a cache may be shared
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def atomic_file(target: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Provide a temporary file beside ``target`` and rename it to ``target`` when the block ends.

    Args:
        target: The file to create or to replace; its parents are created too.
        mode: Permissions of the complete file; until then it is its owner's alone.

    Yields:
        The name of an empty file to write into.
    """
    with _opened(target, mode) as (handle, temporary):
        os.close(handle)
        yield temporary


def atomic_write(target: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, under a temporary name, then rename it over ``target``."""
    data = content.encode() if isinstance(content, str) else content
    # Through its handle: to open it again takes as long as all the rest.
    with _opened(target, 0o644) as (handle, _), os.fdopen(handle, "wb") as file:
        file.write(data)


@contextmanager
def _opened(target: Path, mode: int) -> Iterator[tuple[int, Path]]:
    """Provide the handle of a temporary file, to be closed, and its name; see ``atomic_file``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        yield handle, temporary
        temporary.chmod(mode)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path, name: str = "*") -> None:
    """Remove temporary files and folders that a killed process left.

    Only for who holds the lock of what is written there.

    Args:
        folder: Folder of what was to be written; it may be missing.
        name: Name of the file or folder that was to be written; any by default.
    """
    if not folder.is_dir():
        return
    for left in sorted(folder.glob(f".{name}.*.tmp")):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Hold a lock file, made if it is missing.

    In a folder that is read only there is no lock: no process writes there.
    """
    held = FileLock(lock)
    try:
        held.acquire()
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        yield
        return
    try:
        yield
    finally:
        held.release()


def make_once(target: Path, make: Callable[[Path], None]) -> None:
    """Create a folder unless it exists; a lock lets only one of several processes do so.

    Args:
        target: The folder.
        make: Function that fills the empty folder that it is called with.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.parent / f".{target.name}.lock"):
        sweep(target.parent, glob.escape(target.name))
        if not target.is_dir():
            with atomic_folder(target) as folder:
                make(folder)
