"""Reading of label files, and errors for incomplete folders, for all built-in tasks."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from facebench.errors import DataError
from facebench.runtime.listing import check_name
from facebench.task import TaskInfo

_SHOWN = 5  # names shown in a message before "and so on"
_DIGITS = 18  # digits of a number in a label file; int() fails at thousands


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a label file that are not blank, stripped, with their line numbers.

    Windows line ends, a byte-order mark and spaces around a line are removed.

    Args:
        path: A UTF-8 text file.

    Yields:
        Line number, counted from 1 as an editor does, and text.

    Raises:
        DataError: The file is missing, or not UTF-8 text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not a text file: byte {error.start} is not UTF-8; expected a label file. "
            "Unpack the dataset again."
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if stripped := line.replace("\ufeff", "").replace("\0", "").strip():
            yield number, stripped


def bad_line(path: Path, number: int, found: str, expected: str) -> DataError:
    """Return the error for a line that does not parse; it names ``file:line``."""
    shown = found if len(found) <= 80 else f"{found[:77]}..."
    return DataError(f"{path}:{number}: found '{shown}'; expected {expected}.")


def integer(text: str) -> int | None:
    """Return a non-negative decimal integer, or ``None``; ``int()`` accepts ``1_0`` and ``٣``."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def bad_layout(info: TaskInfo, root: Path, found: str) -> DataError:
    """Return the error for a folder that is not the dataset; it shows the expected layout.

    Args:
        info: Declaration of the task.
        root: Folder that was searched.
        found: Description of the difference.
    """
    layout = info.layout.strip("\n")
    return DataError(
        f"{info.title}: {root} does not have the expected layout: {found}. It holds "
        f"{_listing(root)}; expected\n{layout}\nHow to get it: {info.obtain}"
    )


def check_images(info: TaskInfo, root: Path, paths: Iterable[str], listed_in: str) -> None:
    """Check that images exist, listing each folder once instead of asking for each file.

    Args:
        info: Declaration of the task.
        root: Folder that ``paths`` are relative to.
        paths: Images, with ``/`` as separator.
        listed_in: Name of the list, used in the message.

    Raises:
        DataError: Some are missing; the message gives the first names and the count.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        wanted[str(PurePosixPath(path).parent)].append(path)
    missing: list[str] = []
    for folder, members in wanted.items():
        there = set(names(root / folder))
        missing += [path for path in members if PurePosixPath(path).name not in there]
    if missing:
        total = sum(len(members) for members in wanted.values())
        raise missing_images(info, root, missing, total, listed_in)


def missing_images(
    info: TaskInfo, root: Path, missing: Sequence[str], total: int, listed_in: str
) -> DataError:
    """Return the error for images that a list names and the folder lacks.

    Args:
        info: Declaration of the task.
        root: Folder that paths are relative to.
        missing: Paths of the missing images, with ``/`` as separator.
        total: Number of listed images.
        listed_in: Name of the list.
    """
    return DataError(
        f"{info.title}: {len(missing):,} of {total:,} images listed in {listed_in} are missing "
        f"below {root}: {shown(missing)}; expected all of them. Unpack the dataset again. "
        f"How to get it: {info.obtain}"
    )


def names(folder: Path) -> list[str]:
    """Return the sorted names in a folder that are not hidden; none if there is no folder.

    Raises:
        DataError: The folder cannot be listed, or a name is not UTF-8.
    """
    return [entry.name for entry in _entries(folder)]


def folders(folder: Path) -> list[str]:
    """Return the sorted names of the folders in a folder that are not hidden.

    Raises:
        DataError: The folder cannot be listed, or a name is not UTF-8.
    """
    return [entry.name for entry in _entries(folder) if entry.is_dir()]


def shown(items: Sequence[str]) -> str:
    """Return the first few of many names, as text."""
    return ", ".join(items[:_SHOWN]) + (", ..." if len(items) > _SHOWN else "")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            there = [entry for entry in entries if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}.") from error
    return sorted(there, key=lambda entry: check_name(folder, entry.name))


def _listing(root: Path) -> str:
    if not root.is_dir():
        return "nothing (there is no such folder)"
    return shown(names(root)) or "nothing"
