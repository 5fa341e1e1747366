"""Finds the folder of a dataset, and decides whether rendered faces may take its place.

Without a data folder they do. With one, a dataset that is not below it is an error, since a run
would otherwise give numbers on other images than those that it was asked for; rendered faces are
then asked for with ``--synthetic``, see :data:`facebench.runtime.workspace.StandIns`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from facebench.errors import DataError
from facebench.runtime.listing import folder_called
from facebench.runtime.workspace import StandIns
from facebench.task import Task

VOXCELEB = "voxceleb"
"""Name of the pretraining data that are no task's, and of their folder."""

_RENDERED = "For rendered faces in its place give --synthetic missing"
_SHOWN = 3  # folder names in a message
_CUTOFF = 0.6  # of difflib's ratio, from which a name counts as near
_LISTED = 1000  # folders that are compared; a folder of persons may hold thousands


def find_real(task: Task, data_root: Path | None) -> Path | None:
    """Return the folder of the real data of a task, or ``None``.

    This is the first of the task's folder names that exists below ``data_root``, or ``data_root``
    itself if it has one of these names or holds a part of a dataset of several folders.

    Raises:
        DataError: ``data_root`` does not exist, or two folders differ only in case.
    """
    if data_root is None:
        return None
    for name in task.info.folders:
        folder = folder_called(name, data_root)
        if folder is not None:
            return folder
    if any(folder_called(name, data_root) for part in task.info.parts for name in part):
        return data_root  # several folders side by side are found from there
    wanted = [name.lower() for name in task.info.folders]
    return data_root if data_root.resolve().name.lower() in wanted else None


def task_folder(task: Task, data_root: Path | None, synthetic: StandIns = "") -> Path | None:
    """Return the folder of the data that a run uses; ``None`` if they are to be rendered.

    Args:
        task: An instance, with its options.
        data_root: Folder of datasets, or the dataset's own folder.
        synthetic: When rendered faces take the place of real data.

    Raises:
        DataError: A data folder is given, the dataset is not below it, and rendered faces were not
            asked for; the message has the nearest names of folders.
    """
    info = task.info
    if synthetic == "always":
        return None
    found = find_real(task, data_root)
    if found is not None or data_root is None or synthetic == "missing" or not info.folders:
        return found  # a task without folders has rendered faces only
    names = [*info.folders, *(name for part in info.parts for name in part)]
    otherwise = "The task has no synthetic stand-in."
    if type(task).synthesise is not Task.synthesise:
        otherwise = f"{_RENDERED}, or leave out --data (FACEBENCH_DATA)."
    raise _missing(info.title, names, data_root, f"{otherwise} How to get it: {info.obtain}")


def voxceleb_folder(data_root: Path | None, synthetic: StandIns = "") -> Path | None:
    """Return the folder of VoxCeleb, to pretrain on; ``None`` if its clips are to be rendered.

    Raises:
        DataError: As for :func:`task_folder`.
    """
    if synthetic == "always" or data_root is None:
        return None
    found = folder_called(VOXCELEB, data_root)
    if found is not None or synthetic == "missing":
        return found
    otherwise = (
        "Name what to learn from with --pretrain-data (a folder, or a task, whose training images "
        f"are taken). {_RENDERED}."
    )
    raise _missing("pretraining data", [VOXCELEB], data_root, otherwise)


def _missing(title: str, names: Sequence[str], data_root: Path, otherwise: str) -> DataError:
    """Return the error for a dataset that is not where the user says that the data are."""
    near = list(nearest_folders(names, data_root))
    shown = ", ".join(near[:_SHOWN])
    nearest = f"; nearest in name: {shown}" if near else ""
    rename = f"Rename {near[0]} to {names[0]} if that is it. " if near else ""
    return DataError(
        f"{title}: found none of the folders {', '.join(names)} below {data_root}{nearest}; "
        f"expected one of them. {rename}{otherwise}"
    )


def nearest_folders(names: Iterable[str], data_root: Path) -> Iterator[str]:
    """Yield the folders below ``data_root``, and its own name, that resemble one of the names.

    Args:
        names: Expected names; case and punctuation do not count.
        data_root: A folder.

    Yields:
        Names of folders, the nearest first; one that contains an expected name is nearest.
    """
    wanted = [_letters(name) for name in names]
    there = sorted(path.name for path in data_root.iterdir() if path.is_dir())[:_LISTED]
    scores = {
        name: _likeness(_letters(name), wanted) for name in (*there, data_root.resolve().name)
    }
    yield from sorted((n for n, s in scores.items() if s >= _CUTOFF), key=lambda n: -scores[n])


def _likeness(name: str, wanted: Sequence[str]) -> float:
    """Return 1 if ``name`` contains a wanted one, else the best of difflib's ratios, 0 to 1."""
    if any(part in name for part in wanted):
        return 1.0
    return max(difflib.SequenceMatcher(None, name, part).ratio() for part in wanted)


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
