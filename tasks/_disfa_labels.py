"""DISFA's label files, and published lists of its subjects and frames.

``ActionUnit_Labels/SN001/SN001_au1.txt`` has a line ``frame,intensity`` for every frame of a
subject's video, one file for each of twelve action units. Line t, counted from 0, belongs to frame
t, whatever frame number it has; ME-GraphAU reads the files in the same way.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facebench.errors import DataError
from facebench.task import TaskInfo

from ._finding import find
from ._reading import bad_layout, bad_line, integer, names, read_lines, shown

LABELS = "ActionUnit_Labels"
UNITS = (1, 2, 4, 6, 9, 12, 25, 26)
"""The eight action units that PCL and JAA-Net use."""
OTHER_UNITS = (5, 15, 17, 20)
"""The other action units of DISFA; their files are optional."""
HIGHEST = 5
"""Largest intensity of an action unit."""

_LISTED = re.compile(r"(?:.*[/\\])?(SN[0-9]{3})[/\\]([0-9]{1,9})\.[a-z]+", re.IGNORECASE | re.ASCII)
_PART = re.compile(r"DISFA_part[0-9]+_path\.txt", re.IGNORECASE | re.ASCII)


class Intensities(NamedTuple):
    """Labels of one subject.

    Attributes:
        values: 0 to 5, ``[frames, 8]``, in the order of ``UNITS``.
        jumping: Files whose frame numbers do not increase by one.
    """

    values: NDArray[np.int8]
    jumping: list[str]


@cache
def fold_of() -> dict[str, int]:
    """Return the fold in which each of the 27 subjects is tested, from ``disfa_folds.json``."""
    text = files(__package__ or "facebench_tasks").joinpath("disfa_folds.json").read_text("utf-8")
    tested = json.loads(text)["test_subjects"]
    return {subject: fold for fold, part in enumerate(tested) for subject in part}


def read_intensities(info: TaskInfo, root: Path, folder: Path, subject: str) -> Intensities:
    """Read the label files of one subject.

    Args:
        info: Declaration of the task, used in messages.
        root: Folder of the dataset, used in messages.
        folder: The subject's folder of label files.
        subject: Name of the subject, such as ``SN001``.

    Raises:
        DataError: A file is missing, a line does not parse (``file:line``), or the files of the
            subject are not equally long.
    """
    columns: dict[str, NDArray[np.int8]] = {}
    jumping, missing = [], []
    for unit in sorted((*UNITS, *OTHER_UNITS)):
        file = find(folder, f"{subject}_au{unit}.txt")
        if file is None:
            missing += [f"{subject}_au{unit}.txt"] if unit in UNITS else []
            continue
        columns[file.name], counts_up = _read_file(file)
        jumping += [] if counts_up else [file.name]
        if unit in UNITS:
            columns[str(unit)] = columns[file.name]
    if missing:
        raise bad_layout(info, root, f"{folder} lacks {shown(missing)}")
    lengths = {name: len(column) for name, column in columns.items() if not name.isdigit()}
    if len(set(lengths.values())) > 1:
        short, long = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        raise DataError(
            f"{folder}: found {lengths[short]:,} frames in {short} and {lengths[long]:,} in "
            f"{long}; expected as many in all files of a subject. Unpack the labels again."
        )
    return Intensities(np.stack([columns[str(unit)] for unit in UNITS], axis=1), jumping)


def read_frames_list(path: Path) -> set[tuple[str, int]]:
    """Read the list of frames to use: lines such as ``DISFA/SN002/0.jpg``, counted from 0.

    Args:
        path: A file, or a folder with JAA-Net's ``DISFA_part1_path.txt`` to ``part3``.

    Returns:
        Subject and 0-based frame.

    Raises:
        DataError: There is no list, or a line does not parse (``file:line``).
    """
    lists = [path / name for name in names(path) if _PART.fullmatch(name)]
    frames = set()
    for file in lists if path.is_dir() else [path]:
        for number, line in read_lines(file):
            match = _LISTED.fullmatch(line)
            if match is None or match[1].upper() not in fold_of():
                raise bad_line(file, number, line, "a frame such as 'DISFA/SN002/0.jpg'")
            frame = match[1].upper(), int(match[2])
            if frame in frames:
                raise bad_line(file, number, line, "a frame that no line before has named")
            frames.add(frame)
    if not frames:
        raise DataError(
            f"{path}: found no frames; expected a list of them, or a folder with "
            "DISFA_part1_path.txt to DISFA_part3_path.txt."
        )
    return frames


def _read_file(file: Path) -> tuple[NDArray[np.int8], bool]:
    """Return intensities ``[frames]``, and whether the frame numbers increase by one."""
    intensities: list[int] = []
    printed: list[int] = []
    for number, line in read_lines(file):
        fields = [integer(field.strip()) for field in line.split(",")]
        if len(fields) != 2 or fields[0] is None or fields[1] is None or fields[1] > HIGHEST:
            expected = f"a frame and its intensity from 0 to {HIGHEST}, such as '1,0'"
            raise bad_line(file, number, line, expected)
        printed.append(fields[0])
        intensities.append(fields[1])
    if not intensities:
        raise DataError(f"{file}: found no labels; expected a line 'frame,intensity' per frame.")
    counts_up = printed == list(range(printed[0], printed[0] + len(printed)))
    return np.array(intensities, dtype=np.int8), counts_up
