"""Landmarks by dlib (``facebench[align]``): its HOG face detector and its 68 landmarks.

The weights are those of the package face-recognition-models. Of several faces in an image the one
nearest to the centre of the task's crop is taken.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from facebench.config.spec import digest
from facebench.data.align.five_points import NAMES, Points
from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.progress import Progress
from facebench.runtime.images import Box, Pixels
from facebench.runtime.seal import file_digest

VERSION = 1  # goes up when the same packages would give other points

POINTS = "shape_predictor_68_face_landmarks.dat"
SMALLEST = 150  # pixels; dlib's detector finds faces of 80 px, so smaller images are doubled first

# Which of the 68 points (of 300-W, numbered from 0) each of the five is the mean of.
_OF_68 = (range(36, 42), range(42, 48), (30,), (48,), (54,))


def identity() -> str:
    """Return what the detector's points depend on, besides the images.

    Raises:
        DataError: It is not installed.
    """
    _load()
    return digest([VERSION, version("dlib-bin"), _digest()])


def title() -> str:
    """Return the detector's name and version."""
    return f"dlib {version('dlib-bin')}"


def detect(dataset: Dataset, progress: Progress) -> Points:
    """Return the five points of each image, ``[N, 5, 2]`` in its pixels; NaN where no face is.

    An image that cannot be read has none, either; the extraction of features reads it again, and
    reports it.

    Raises:
        DataError: The detector is not installed.
    """
    _load()
    points = np.full((len(dataset), len(NAMES), 2), np.nan)
    with progress.bar("find faces", len(dataset), "image") as advance:
        for row in range(len(dataset)):
            try:
                image, box = dataset.whole(row)
            except DataError:
                continue
            points[row] = find_points(image, box)
            advance(row + 1)
    return points


def find_points(image: Pixels, box: Box | None) -> Points:
    """Return the five points ``[5, 2]`` of one face; NaN if none is found.

    Args:
        image: uint8 RGB, ``[H, W, 3]``.
        box: The task's crop.
    """
    detector, predictor = _load()
    height, width = image.shape[:2]
    doubled = max(0, math.ceil(math.log2(SMALLEST / min(height, width))))
    found = detector(image, doubled) or detector(
        image, doubled + 1
    )  # twice that finds smaller ones
    if not found:
        return np.full((len(NAMES), 2), np.nan)
    left, top, right, bottom = box or (0, 0, width, height)
    x, y = (left + right - 1) / 2, (top + bottom - 1) / 2
    face = min(found, key=lambda one: math.hypot(one.center().x - x, one.center().y - y))
    whole = np.array([(part.x, part.y) for part in predictor(image, face).parts()], np.float64)
    return np.stack([whole[list(members)].mean(axis=0) for members in _OF_68])


@cache
def _load() -> tuple[Any, Any]:
    try:
        import dlib
    except ImportError as error:
        raise _missing(str(error)) from error
    return dlib.get_frontal_face_detector(), dlib.shape_predictor(str(_weights()))


def _weights() -> Path:
    """Return the landmarks' file; the package itself needs an old setuptools to be imported."""
    found = find_spec("face_recognition_models")
    if found is None or found.origin is None:
        raise _missing("No module named 'face_recognition_models'")
    return Path(found.origin).parent / "models" / POINTS


@cache
def _digest() -> str:
    return file_digest(_weights())


def _missing(reason: str) -> DataError:
    return DataError(
        f"align.kind is five_points, and the landmarks are to be detected: {reason}. Install the "
        "detector, pip install 'facebench[align]', or give a file with align.landmarks=FILE.csv."
    )
