"""Finds listed images that a copy stores in another format or under another form of their name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from facebench.errors import DataError
from facebench.runtime.listing import folded
from facebench.task import TaskInfo

from ._finding import find
from ._reading import names


def stored_as(
    info: TaskInfo, root: Path, paths: Sequence[str], stem_of: Callable[[str], str | None]
) -> tuple[list[str], list[str]]:
    """Return the paths under which listed images are stored.

    Args:
        info: Declaration of the task, used in messages.
        root: Folder that ``paths`` are relative to.
        paths: Images as they are published, with ``/`` as separator.
        stem_of: Function from the name of a file to the part that identifies the image
            (``train_00001`` of ``train_00001_aligned.jpg``); ``None`` for other files.

    Returns:
        ``paths``, each under the name that it has here (unchanged if it is there as published, or
        not there at all); and a sentence that says what was taken, if any name is another one.

    Raises:
        DataError: Two files may be one image; the message names both.
    """
    stored: list[str] = []
    others: list[str] = []
    listings: dict[str, dict[str, list[str]]] = {}
    for path in paths:
        pure = PurePosixPath(path)
        parent = str(pure.parent)
        if parent not in listings:
            listings[parent] = _by_stem(find(root, parent), stem_of)
        there = listings[parent].get(folded(stem_of(pure.name) or pure.name), [])
        if not there or folded(pure.name) in map(folded, there):
            stored.append(path)
            continue
        if len(there) > 1:
            raise DataError(
                f"{info.title}: found {there[0]} and {there[1]} in {root / parent}, of which "
                f"either may be {pure.name}; expected one of them. Remove the other."
            )
        stored.append(str(pure.with_name(there[0])))
        others.append(f"{there[0]} for {pure.name}")
    if not others:
        return stored, []
    return stored, [
        f"{info.title}: {len(others):,} of {len(paths):,} images have other names than the "
        f"published ones, such as {others[0]}; they were taken for these."
    ]


def _by_stem(folder: Path | None, stem_of: Callable[[str], str | None]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names(folder) if folder is not None else ():
        if (stem := stem_of(name)) is not None:
            found[folded(stem)].append(name)
    return found
