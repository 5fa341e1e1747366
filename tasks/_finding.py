"""Finds listed files whose names differ in case or Unicode form, and files that are not listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath

from facebench.errors import DataError
from facebench.runtime.listing import folded, is_companion
from facebench.task import TaskInfo

from ._reading import missing_images, names, shown

_Listings = dict[Path, dict[str, list[str]]]  # folder -> normalised name -> names in the folder


def find(folder: Path, *parts: str) -> Path | None:
    """Find a file or folder whose name may differ in case and in the form of its accents.

    Args:
        folder: Folder to search; its own name is not normalised.
        parts: Path below it, with ``/`` as separator.

    Returns:
        The path on disk; ``None`` if there is none.

    Raises:
        DataError: Two paths match, such as ``Train`` and ``train``.
    """
    return _find(folder, PurePosixPath(*parts), {})


def locate_images(
    info: TaskInfo, root: Path, paths: Sequence[str], listed_in: str
) -> dict[str, str]:
    """Find listed images, whose names may differ in case and in the form of their accents.

    Args:
        info: Declaration of the task.
        root: Folder that ``paths`` are relative to.
        paths: Images as a list names them, with ``/`` as separator.
        listed_in: Name of the list, used in messages.

    Returns:
        The path on disk of each of ``paths``, relative to ``root``.

    Raises:
        DataError: Images are missing (the message gives the first names and the count), two
            files fit a path, or one file two paths.
    """
    listings: _Listings = {}
    found: dict[str, str] = {}
    for parent, members in _by_parent(paths).items():
        place = _find(root, PurePosixPath(parent), listings)
        if place is None:
            continue
        for path in members:
            file = _find(place, PurePosixPath(PurePosixPath(path).name), listings, exact=True)
            if file is not None:
                found[path] = file.relative_to(root).as_posix()
    missing = [path for path in paths if path not in found]
    if missing:
        raise missing_images(info, root, missing, len(paths), listed_in)
    named_by: dict[str, str] = {}
    for path, there in found.items():
        other = named_by.setdefault(there, path)
        if other != path:
            raise DataError(
                f"{info.title}: {listed_in} names {other} and {path}; found only {there} below "
                f"{root}. Unpack the dataset on a system that tells upper from lower case."
            )
    return found


def left_out(info: TaskInfo, root: Path, folders: Iterable[str], taken: Iterable[str]) -> list[str]:
    """Return the warnings about files in folders of images that are not read.

    Hidden files, notes, lists and annotations are no images and not counted.

    Args:
        info: Declaration of the task.
        root: Folder that all paths are relative to.
        folders: Folders of images; ``.`` for ``root`` itself.
        taken: Paths of the images that are read.

    Returns:
        One sentence with the count and the first names; none if nothing was left out.
    """
    places = [PurePosixPath(folder) for folder in dict.fromkeys(folders)]
    known: Collection[str] = {
        *taken, *map(str, places), *(str(above) for place in places for above in place.parents)
    }  # fmt: skip
    strays = [
        path
        for place in places
        for name in names(root / place)
        if (path := str(place / name)) not in known and not is_companion(name)
    ]
    if not strays:
        return []
    return [
        f"{info.title}: left out {len(strays):,} files or folders among the images that are not "
        f"the dataset's: {shown(strays)}."
    ]


def _by_parent(paths: Iterable[str]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        members[str(PurePosixPath(path).parent)].append(path)
    return members


def _find(
    folder: Path, path: PurePosixPath, listings: _Listings, *, exact: bool = False
) -> Path | None:
    """Find ``path``; with ``exact``, an identical name takes precedence over other matches."""
    fits = [folder]
    for part in path.parts:
        fits = [
            parent / name for parent in fits for name in _spellings(parent, part, listings, exact)
        ]
    if len(fits) > 1:
        both = " and ".join(sorted(str(fit.relative_to(folder)) for fit in fits[:2]))
        raise DataError(
            f"{folder}: found {both}, which differ only in case or accents; expected one of them. "
            "Put together what belongs together, or remove one."
        )
    return fits[0] if fits else None


def _spellings(parent: Path, name: str, listings: _Listings, exact: bool) -> list[str]:
    if parent not in listings:
        by_fold: dict[str, list[str]] = defaultdict(list)
        for there in names(parent):
            by_fold[folded(there)].append(there)
        listings[parent] = by_fold
    fits = listings[parent].get(folded(name), [])
    return [name] if exact and name in fits else fits
