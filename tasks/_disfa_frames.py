"""Finds the frames of DISFA: extracted images, or the videos themselves.

Numbers of extracted frames begin at 0 or at 1, depending on the tool. This is decided once, by the
smallest number over all subjects, since a single subject may lack its first frames.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

from facebench.errors import DataError
from facebench.runtime.images import IMAGE_SUFFIXES
from facebench.task import TaskInfo

from ._finding import find
from ._reading import bad_layout, folders, names, shown
from ._video import VIDEO_SUFFIXES, frame_count

Camera = Literal["left", "right"]
Frames = dict[str, dict[int, str]]  # subject -> frame number, counted from 0 -> path

SLACK = 10
"""Frames by which images and labels may differ in length: half a second."""

_PLACES = ("", "img", "images", "frames")
_FRAME = re.compile(r"(?:.*[^0-9])?([0-9]+)\.([a-z]+)", re.IGNORECASE | re.ASCII)
_VIDEO = re.compile(r"(left|right)video(SN[0-9]{3})_comp(\.[a-z0-9]+)", re.IGNORECASE | re.ASCII)


def find_extracted(
    info: TaskInfo, root: Path, base: Path, subjects: Collection[str], camera: Camera
) -> Frames:
    """Find extracted frames.

    Args:
        info: Declaration of the task, used in messages.
        root: Folder that paths are relative to.
        base: ``root``, or the folder inside it that has the dataset.
        subjects: The expected subjects.
        camera: The camera, matched with folders called ``Left`` or ``Right``; folders that name no
            camera are assumed to be the left one's.

    Returns:
        Paths by subject and frame; empty if there are no folders of frames.

    Raises:
        DataError: Subjects are missing, two images have one number, or numbers begin neither at 0
            nor at 1.
    """
    home = _home(base, subjects, camera)
    if home is None:
        return {}
    by_subject = {subject: _numbered(root, find(home, subject)) for subject in subjects}
    missing = sorted(subject for subject, frames in by_subject.items() if not frames)
    if missing:
        raise bad_layout(info, root, f"{home} has no frames of {shown(missing)}")
    start = min(min(frames) for frames in by_subject.values())
    if start > 1:
        raise DataError(
            f"{info.title}: found {start} as the smallest number of a frame below {home}; expected "
            "0 or 1. Extract the first frames as well, so that labels can be assigned."
        )
    return {
        subject: {number - start: path for number, path in frames.items()}
        for subject, frames in by_subject.items()
    }


def find_videos(
    info: TaskInfo, root: Path, base: Path, subjects: Collection[str], camera: Camera
) -> Frames:
    """Find one camera's videos, in any folder of the dataset, and count their frames.

    Args:
        info: Declaration of the task, used in messages.
        root: Folder that paths are relative to.
        base: ``root``, or the folder inside it that has the dataset.
        subjects: The expected subjects.
        camera: The camera.

    Returns:
        Paths ``Video_LeftCamera/LeftVideoSN001_comp.avi#0`` ... by subject and frame; empty if
        there is no video.

    Raises:
        DataError: Subjects are missing or have two videos, or a video cannot be read.
    """
    videos: dict[str, str] = {}
    for subject, file in _videos(base, camera):
        path = file.relative_to(root).as_posix()
        if subject in videos:
            raise bad_layout(info, root, f"{videos[subject]} and {path} are videos of one subject")
        videos[subject] = path
    missing = sorted(set(subjects) - set(videos))
    if videos and missing:
        raise bad_layout(info, root, f"there is no {camera} video of {shown(missing)}")
    return {
        subject: {t: f"{videos[subject]}#{t}" for t in range(frame_count(root / videos[subject]))}
        for subject in (subjects if videos else ())
    }


def check_lengths(info: TaskInfo, frames: Frames, labelled: Mapping[str, int]) -> list[str]:
    """Compare frames with labels, and report frames without label and labels without frame.

    Args:
        info: Declaration of the task, used in messages.
        frames: Paths by subject and frame number.
        labelled: Number of labelled frames of each subject.

    Returns:
        Warnings to be stored in results; none if every label has its frame.

    Raises:
        DataError: Numbers of frames and labels of a subject differ so much that the frames were
            extracted at another rate, or its numbers begin later than those of others.
    """
    without_image: dict[str, int] = {}
    without_label: dict[str, int] = {}
    for subject, count in labelled.items():
        last = max(frames[subject])
        if min(frames[subject]) == 1 and last == count:
            raise DataError(
                f"{info.title}: the frames of {subject} seem to be numbered from 1 and those of "
                "other subjects from 0; expected one way. Extract all with one tool."
            )
        if last >= count + SLACK or last < count // 2:
            raise DataError(
                f"{info.title}: found frames of {subject} up to the {last + 1:,}th and labels for "
                f"{count:,}; expected as many. Extract every frame, at the video's own 20 per "
                "second."
            )
        both = sum(t < count for t in frames[subject])
        without_image[subject] = count - both
        without_label[subject] = len(frames[subject]) - both
    kinds = {"labels without an image": without_image, "images without a label": without_label}
    return [
        f"{info.title}: left out {sum(found.values()):,} {kind}: "
        f"{shown([f'{subject} {number:,}' for subject, number in found.items() if number])}."
        for kind, found in kinds.items()
        if any(found.values())
    ]


def _home(base: Path, subjects: Collection[str], camera: Camera) -> Path | None:
    named = [find(base, place, camera) for place in _PLACES]
    nameless = [find(base, place) for place in _PLACES] if camera == "left" else []
    for place in (*named, *nameless):
        if place is not None and any(
            folder.upper() in subjects and _numbered(base, place / folder)
            for folder in folders(place)
        ):
            return place
    return None


def _numbered(root: Path, folder: Path | None) -> dict[int, str]:
    """Return the images of a subject's folder by the number in their names."""
    if folder is None:
        return {}
    home = folder.relative_to(root)
    found: dict[int, str] = {}
    for name in names(folder):
        match = _FRAME.fullmatch(name)
        if match is None or f".{match[2].lower()}" not in IMAGE_SUFFIXES:
            continue
        number = int(match[1])
        if number in found:
            other = PurePosixPath(found[number]).name
            raise DataError(
                f"{folder}: found {other} and {name} for frame {number}; expected one image."
            )
        found[number] = (home / name).as_posix()
    return found


def _videos(base: Path, camera: Camera) -> Iterator[tuple[str, Path]]:
    """Yield subject and file of every video of a camera."""
    for folder in (base, *(base / name for name in folders(base))):
        for name in names(folder):
            match = _VIDEO.fullmatch(name)
            if match and match[1].lower() == camera and match[3].lower() in VIDEO_SUFFIXES:
                yield match[2].upper(), folder / name
