"""Where the five landmarks of a dataset are from, and how they are kept.

A kept set is a folder below ``cache/landmarks`` that is written atomically, once for a dataset and
a source:

================== ===========================================================================
``points.npy``     float64 ``[N, 5, 2]``, in pixels of each image; NaN where no face was found
``landmarks.json`` source, its identity, fingerprint of the dataset, counts, digests and seal
================== ===========================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from facebench.config.align import DETECT, AlignSpec
from facebench.config.spec import digest
from facebench.data.align import detector
from facebench.data.align.five_points import NAMES, Points
from facebench.data.align.landmark_file import check_sides, read_landmarks
from facebench.data.dataset import Dataset
from facebench.errors import DataError, PluginError, StageError
from facebench.progress import Progress
from facebench.runtime.atomic import atomic_folder
from facebench.runtime.form import Count, Hash, Positive, Sha256, Text
from facebench.runtime.listing import user_path
from facebench.runtime.stage import obtain
from facebench.runtime.stage_record import (
    StageRecord,
    check_files,
    file_digests_of,
    read_stage_record,
    write_stage_record,
)

KEY_FORMAT = 1  # of what names a kept set
POINTS, RECORD = "points.npy", "landmarks.json"


class LandmarksRecord(StageRecord):
    """What kept landmarks say about themselves.

    Args:
        source: Where they are from: ``the dataset``, a file with the beginning of its SHA-256,
            or a detector.
        identity: Hash of what the points depend on, besides the images.
        data: Fingerprint of the dataset.
        rows: Images.
        missing: Those of them without landmarks.
    """

    stage: ClassVar[str] = "set of landmarks"
    newest: ClassVar[int] = 1
    sealed_since: ClassVar[int] = 1

    source: Text
    identity: Hash
    data: Sha256
    rows: Positive
    missing: Count


@dataclass(frozen=True)
class LandmarkSource:
    """A source of landmarks.

    Args:
        title: As results name it.
        identity: Hash of what the points depend on, besides the images.
        compute: Returns the points of a dataset, ``[N, 5, 2]``.
    """

    title: str
    identity: str
    compute: Callable[[Dataset, Progress], Points]


def landmark_source(spec: AlignSpec, dataset: Dataset) -> LandmarkSource:
    """Return where the landmarks of a dataset are from; no face is searched yet.

    A file that is given wins; else they are the dataset's own, if it has any, or else detected.

    Args:
        spec: Options of alignment.
        dataset: The dataset.

    Raises:
        DataError: The file, or the dataset's own landmarks, cannot be read; the detector is not
            installed.
    """
    if spec.landmarks and spec.landmarks != DETECT:
        return _of_file(user_path(spec.landmarks))
    own = None if spec.landmarks == DETECT else _own(dataset)
    if own is not None:
        content = hashlib.sha256(own.tobytes()).hexdigest()
        return LandmarkSource("the dataset", digest(["own", content]), lambda *_: own)
    return LandmarkSource(detector.title(), detector.identity(), detector.detect)


def check_landmarks(spec: AlignSpec) -> None:
    """Check that landmarks which are asked for can be had, before anything is computed.

    Args:
        spec: Options of alignment.

    Raises:
        DataError: There is no such file, or no detector.
    """
    if spec.landmarks == DETECT:
        detector.identity()
    elif spec.landmarks:
        _of_file(user_path(spec.landmarks))


def landmarks(source: LandmarkSource, dataset: Dataset, cache: Path, progress: Progress) -> Points:
    """Return the landmarks of a dataset, computed once.

    Args:
        source: Where they are from.
        dataset: The dataset, whose fingerprint covers its images.
        cache: Folder of the cache; ``cache/landmarks`` is made.
        progress: Progress reporter of the detection.

    Returns:
        ``[N, 5, 2]`` in pixels of each image, in the order of the table; NaN where no face was
        found.

    Raises:
        DataError: A file has none of these images.
        StageError: What is kept was changed.
    """

    def make(folder: Path) -> None:
        points = np.ascontiguousarray(source.compute(dataset, progress), np.float64)
        with atomic_folder(folder) as temporary:
            np.save(temporary / POINTS, points, allow_pickle=False)
            record = {
                "source": source.title, "identity": source.identity, "data": dataset.fingerprint,
                "rows": len(points), "missing": int(missing(points).sum()),
            }  # fmt: skip
            digests = file_digests_of(temporary, (POINTS,))
            write_stage_record(temporary / RECORD, LandmarksRecord, record, digests)

    def read(folder: Path) -> Points:
        record = read_stage_record(folder / RECORD, LandmarksRecord)
        check_files(folder, record)
        try:
            points: Points = np.load(folder / POINTS, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise StageError(f"{folder / POINTS}: {error}. Delete the folder.") from error
        if points.shape != (len(dataset), len(NAMES), 2):
            raise StageError(
                f"{folder / POINTS}: found {list(points.shape)}; expected [{len(dataset)}, "
                f"{len(NAMES)}, 2]. Delete the folder; the next run makes it again."
            )
        return points

    key = digest([KEY_FORMAT, source.identity, dataset.fingerprint])
    return obtain(cache / "landmarks" / key, make, read)


def missing(points: Points) -> np.ndarray:
    """Return which images have no face, ``[N]`` bool."""
    found: np.ndarray = np.asarray(~np.isfinite(points).all(axis=(1, 2)))
    return found


def _of_file(file: Path) -> LandmarkSource:
    try:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(
            f"{file}: cannot be read: {error.strerror or error}; expected a CSV of landmarks. "
            "Correct align.landmarks. (A result has the name of the file alone: verify it where "
            "the file lies.)"
        ) from error

    def compute(dataset: Dataset, progress: Progress) -> Points:
        return read_landmarks(file, dataset.table["path"].tolist())

    return LandmarkSource(f"{file.name} {content[:8]}", digest(["file", content]), compute)


def _own(dataset: Dataset) -> Points | None:
    """Return the landmarks that the dataset comes with, if any."""
    info, paths = dataset.task.info, dataset.table["path"].tolist()
    found = dataset.task.landmarks(dataset.root, paths)
    if found is None:
        return None
    points = np.asarray(found, np.float64)
    if points.shape != (len(paths), len(NAMES), 2):
        raise PluginError(
            f"task '{info.name}' breaks its contract: landmarks() gives {list(points.shape)}; "
            f"expected [{len(paths)}, {len(NAMES)}, 2]. See facebench/task.py."
        )
    check_sides(points, f"landmarks of {info.title}")
    return points
