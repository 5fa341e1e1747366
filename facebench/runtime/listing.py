"""Lists folders of images, with file names normalised and files that are not images recognised.

A dataset that was unpacked on another system keeps its content but may change its names: Windows
and macOS do not distinguish ``Train`` from ``train``, macOS writes ``é`` as ``e`` and an accent
(NFD) where a label file has one letter (NFC), and an archive with names in an old code page leaves
bytes that are not UTF-8.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

from facebench.errors import DataError
from facebench.runtime.images import IMAGE_SUFFIXES

# Notes, lists and annotations beside the images of published datasets, and files created by
# desktop systems. Any other file may be an image in a format that is not read.
_COMPANION_SUFFIXES = frozenset(
    {".csv", ".htm", ".html", ".json", ".mat", ".md", ".npy", ".pdf", ".pts", ".tsv", ".txt",
     ".xml", ".yaml", ".yml"}
)  # fmt: skip
_COMPANIONS = frozenset({"__macosx", "desktop.ini", "license", "readme", "thumbs.db"})


def folded(name: str) -> str:
    """Return the normalised name: case-folded, with letters and accents composed (NFC)."""
    decomposed = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", decomposed)


def is_companion(name: str) -> bool:
    """Return whether a file beside images is a note, list, annotation or desktop system file."""
    return PurePath(name).suffix.lower() in _COMPANION_SUFFIXES or name.lower() in _COMPANIONS


def check_name(folder: Path, name: str) -> str:
    """Return a file name if it is valid UTF-8.

    Raises:
        DataError: Its bytes are not UTF-8, so that no label file could name it.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = ascii(name).replace("\\udc", "\\x")
        raise DataError(
            f"{str(folder)!a}: found the name {shown}, which is not UTF-8; expected UTF-8. "
            "Unpack the archive again and name its encoding (unzip -O cp1252)."
        ) from None
    return name


def folder_called(name: str, data_root: Path) -> Path | None:
    """Return the folder of a dataset, matched case-insensitively; ``None`` if there is none.

    Args:
        name: Name of the folder.
        data_root: Folder of datasets.

    Raises:
        DataError: There is no such ``data_root``, or two folders differ only in case.
    """
    if not data_root.is_dir():
        raise DataError(
            f"the data folder {data_root} does not exist; expected a folder with datasets in it. "
            "Correct FACEBENCH_DATA or --data, or leave it out to use synthetic faces."
        )
    there = (path for path in sorted(data_root.iterdir()) if path.name.lower() == name.lower())
    found = [path for path in there if path.is_dir()]
    if len(found) > 1:
        raise DataError(
            f"{data_root}: found the folders {found[0].name} and {found[1].name}; expected one of "
            "them. Name the right one with --data, or remove the other."
        )
    return found[0] if found else None


def user_path(text: str | Path) -> Path:
    """Return a path that a user names, with a leading ``~`` as the home folder."""
    # Path.expanduser raises where a home is not known; such a path is one that does not exist.
    return Path(os.path.expanduser(text))  # noqa: PTH111


def images_below(folder: Path) -> tuple[list[str], Counter[str]]:
    """List the images below a folder, at any depth, by their suffix.

    Args:
        folder: Folder to list; hidden files and folders are skipped.

    Returns:
        Sorted paths relative to ``folder``, with ``/`` as separator; and the number of files of
        each other suffix, without notes, lists and annotations.

    Raises:
        DataError: A folder cannot be listed, or a name is not UTF-8.
    """
    strays: Counter[str] = Counter()
    return sorted(_images(folder, "", strays, ())), strays


def _images(
    folder: Path, prefix: str, strays: Counter[str], within: tuple[tuple[int, int], ...]
) -> Iterator[str]:
    """Yield the images below a folder.

    Args:
        folder: The folder.
        prefix: Its path relative to the folder that is listed.
        strays: Number of other files by suffix, added to.
        within: Device and number of each folder that it lies in.
    """
    try:
        at = folder.stat()
        if (at.st_dev, at.st_ino) in within:
            raise DataError(
                f"{folder}: links to a folder that it lies in, so that listing it would never end; "
                "expected a tree. Remove the link."
            )
        with os.scandir(folder) as entries:
            there = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}.") from error
    for entry in there:
        name = check_name(folder, entry.name)
        suffix = PurePath(name).suffix.lower()
        if entry.is_dir():
            inside = (*within, (at.st_dev, at.st_ino))
            yield from _images(folder / name, f"{prefix}{name}/", strays, inside)
        elif suffix in IMAGE_SUFFIXES:
            yield f"{prefix}{name}"
        elif not is_companion(name):
            strays[suffix or "no suffix"] += 1
