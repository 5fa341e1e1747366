"""Where a dataset is below its folder: at its top, in a folder that it brings, or one level deeper.

Archives of published copies unpack into a folder of their own, such as ``archive/`` or ``msgs/``,
whose name says nothing. It is taken if it is the only one that holds the dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from facebench.errors import DataError
from facebench.task import TaskInfo

from ._finding import find
from ._reading import folders

Found = TypeVar("Found")

_TEST = ("test", "validation", "valid", "val")


def look(
    info: TaskInfo, root: Path, known: Sequence[str], there: Callable[[Path], Found | None]
) -> Found | None:
    """Find what a dataset is read from.

    Args:
        info: Declaration of the task, used in messages.
        root: Folder of the dataset.
        known: Folders that copies of the dataset bring, in order of preference; empty for the top.
        there: Function that returns what a folder holds of the dataset; ``None`` if nothing.

    Returns:
        What ``there`` returned for the first known folder, else for the one other folder in
        ``root``; ``None`` if there is none.

    Raises:
        DataError: Two other folders hold the dataset.
    """
    for name in known:
        place = find(root, name)
        if place is not None and (found := there(place)) is not None:
            return found
    deeper = {name: there(root / name) for name in folders(root)}
    holding = {name: found for name, found in deeper.items() if found is not None}
    if len(holding) > 1:
        one, other = list(holding)[:2]
        raise DataError(
            f"{info.title}: found the dataset in {root / one} and in {root / other}; expected one "
            "of them. Remove the other, or give its folder with --data."
        )
    return next(iter(holding.values()), None)


def test_folders(folder: Path) -> list[Path]:
    """Return the folders that may hold test images: ``test`` or, in some copies, ``validation``.

    Args:
        folder: Folder of the splits of a dataset that is published without a validation split.
    """
    found = (find(folder, name) for name in _TEST)
    return [place for place in found if place is not None and place.is_dir()]
