"""Synthetic stand-ins of the head-pose datasets: rendered faces with known pose.

The renderer has 300W-LP's convention of rotation and signs, so ``Pose_Para`` of a stand-in has the
meaning of the real files.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy
from PIL import Image, ImageOps

from facebench.progress import Progress, increments
from facebench.synth import Face, FaceSampler, Pose, write_images
from facebench.synth.attributes import Background

from ._mat5 import FloatArray
from ._pose_folders import SIDE
from ._synthetic_landmarks import facing, landmarks, mirrored

_RENDERED = 150  # pixels; enlarged to SIDE, since rendering that size takes ten times as long
_ZOOM = 0.7  # landmarks extend over about 45 % of a real image's side
_TAG = 4  # distinguishes the draws from the sampler's own
_COPY_YAW = (
    (0.0, 15.0),
    (15.0, 45.0),
    (45.0, 75.0),
)  # degrees of yaw between a photograph's copies
_NAMES = (
    "AFW_{:06d}_1",
    "HELEN_{:09d}_1",
    "IBUG_image_{:03d}_1",
    "LFPW_image_train_{:04d}",
)
# Standard deviation and limit in degrees of yaw, pitch, roll of the test images, after
# AFLW2000-3D, where a constant prediction has errors of about 26, 13 and 14 degrees.
_TEST_SPREAD, _TEST_LIMIT = (32.0, 14.0, 14.0), (75.0, 40.0, 40.0)

# AFLW's 21 landmarks among the 68: brows, eyes, ear, nose, ear, mouth, chin.
_AFLW = (17, 19, 21, 22, 24, 26, 36, 37, 39, 42, 44, 45, 0, 31, 30, 35, 16, 48, 51, 54, 8)
_INVISIBLE = ((-1.0,), (452.0,))  # x and y in AFLW2000-3D

VIEWS = (-90, -60, -45, -30, 0, 30, 45, 60, 90)
"""Yaw of the pose classes of BU-3DFE's stand-in, in degrees."""

_VIEW_JITTER = 6.0  # degrees of yaw to either side; adjacent classes are 15 apart
_SCANS = (("neutral", "NE00"), ("happiness", "HA03"), ("surprise", "SU03"), ("anger", "AN03"))
_VIEW_SIDE = 128  # pixels


Shot = tuple[Path, Face]


def write_large_poses(
    root: Path, faces: FaceSampler, progress: Progress, *, photographs: int, tests: int
) -> None:
    """Write ``300W_LP/`` and ``AFLW2000/``; no person is in both.

    Images have the published 450 px, enlarged from a third of it.

    Args:
        root: Empty folder.
        faces: Deterministic source of faces.
        progress: Progress reporter.
        photographs: Number of photographs of 300W-LP; each is written in three poses, and mirrored.
        tests: Number of images of AFLW2000.
    """
    copies = list(_photographs(root / "300W_LP", faces, photographs))
    singles = list(_tests(root / "AFLW2000", faces, photographs, tests))
    with progress.bar("render", len(copies) + len(singles), "face") as advance:
        more = increments(advance)
        write_images(
            _with_mirrored_mats(copies), _RENDERED,
            finish=_enlarge_and_mirror, beside=_beside, progress=more,
        )  # fmt: skip
        write_images(_with_mats(singles), _RENDERED, finish=_enlarge, progress=more)


def write_views(
    root: Path, faces: FaceSampler, progress: Progress, *, train: int, test: int
) -> None:
    """Write views of scans in PCL's list form; no person is in both lists.

    All views of a scan have the same expression, light and camera, and a black background; yaw is
    that of the class plus up to 6 degrees, pitch and roll are drawn (standard deviation 5 degrees).
    The real renders have no such jitter and are classified almost perfectly.

    Args:
        root: Empty folder.
        faces: Deterministic source of faces.
        progress: Progress reporter.
        train: Subjects of ``train.csv``, each with four scans.
        test: Subjects of ``test.csv``.
    """
    names = _subjects(faces, train + test)
    items: list[tuple[Path, Face]] = []
    for split, subjects in (("train", range(train)), ("test", range(train, train + test))):
        lines = ["path,exp,pose\n"]
        for subject in subjects:
            for path, face, expression, view in _views(faces, subject, names[subject]):
                items.append((root / path, face))
                lines.append(f"{path},{expression},{view}\n")
        (root / f"{split}.csv").write_text("".join(lines), encoding="utf-8")
    with progress.bar("render", len(items), "face") as advance:
        write_images(items, _VIEW_SIDE, progress=increments(advance))


def _photographs(root: Path, faces: FaceSampler, count: int) -> Iterator[Shot]:
    """Yield photographs of one person, light and camera each, with yaw growing over the copies."""
    for number in range(count):
        rng = np.random.default_rng([faces.seed, _TAG, number])
        name = _NAMES[number % len(_NAMES)].format(number)
        photograph = _photograph(faces, number)
        side = rng.choice((-1.0, 1.0))
        pitch, roll = (float(value) for value in np.clip(rng.normal(0, 12, size=2), -35, 35))
        for copy, (low, high) in enumerate(_COPY_YAW):
            pose = Pose(pitch, float(side * rng.uniform(low, high)), roll)
            file = root / name.partition("_")[0] / f"{name}_{copy}.jpg"
            yield file, replace(photograph, pose=pose)


def _tests(root: Path, faces: FaceSampler, first: int, count: int) -> Iterator[Shot]:
    for number in range(count):
        rng = np.random.default_rng([faces.seed, _TAG, first + number])
        drawn = np.clip(rng.normal(0, _TEST_SPREAD), np.negative(_TEST_LIMIT), _TEST_LIMIT)
        yaw, pitch, roll = drawn.tolist()
        face = replace(_photograph(faces, first + number), pose=Pose(pitch, yaw, roll))
        yield root / f"image{number + 1:05d}.jpg", face


def _photograph(faces: FaceSampler, number: int) -> Face:
    face = faces.face(number)
    return replace(face, camera=replace(face.camera, zoom=_ZOOM * face.camera.zoom))


def _with_mirrored_mats(shots: Iterable[Shot]) -> Iterator[Shot]:
    """Write the ``.mat`` of each image and of its mirror image, while others are rendered."""
    for file, face in shots:
        points = landmarks(face) * SIDE
        _write_mat(file, face.pose, points)
        turned = Pose(face.pose.pitch, -face.pose.yaw, -face.pose.roll)
        _write_mat(_flip_of(file), turned, mirrored(points, SIDE))
        yield file, face


def _with_mats(shots: Iterable[Shot]) -> Iterator[Shot]:
    """Write the ``.mat`` of each image of AFLW2000-3D, while others are rendered."""
    for file, face in shots:
        seen = np.where(facing(face), landmarks(face) * SIDE, _INVISIBLE)
        _write_mat(file, face.pose, seen[:, _AFLW])
        yield file, face


def _flip_of(file: Path) -> Path:
    return file.parent.with_name(f"{file.parent.name}_Flip") / file.name


def _beside(file: Path) -> tuple[Path, ...]:
    return (_flip_of(file),)


def _enlarge(file: Path) -> Image.Image:
    """Enlarge an image to the published size, and return it as it was before it was written."""
    with Image.open(file) as small:
        image = small.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    image.save(file, quality=90)
    return image


def _enlarge_and_mirror(file: Path) -> None:
    """Enlarge an image to the published size, and write its mirror image."""
    flip = _flip_of(file)
    flip.parent.mkdir(exist_ok=True)
    ImageOps.mirror(_enlarge(file)).save(flip, quality=90)


def _write_mat(image: Path, pose: Pose, points: FloatArray) -> None:
    angles = np.radians([pose.pitch, pose.yaw, pose.roll])
    para = np.concatenate((angles, (0, 0, 0, 1)))[None]  # shift and scale are not used
    stream = io.BytesIO()
    parameters = {"pt2d": points, "Pose_Para": para.astype(np.float32)}
    scipy.io.savemat(stream, parameters, do_compression=True)
    # scipy writes the time into the header; a constant text makes the files reproducible.
    text = b"MATLAB 5.0 MAT-file, facebench, synthetic".ljust(116)
    image.parent.mkdir(parents=True, exist_ok=True)
    image.with_suffix(".mat").write_bytes(text + stream.getvalue()[len(text) :])


def _subjects(faces: FaceSampler, count: int) -> list[str]:
    """Return F0001, M0001, F0002 ... by the gender of the sampler's people."""
    found: list[str] = []
    for number in range(count):
        letter = "M" if faces.identity(number).gender > 0.5 else "F"
        found.append(f"{letter}{1 + sum(name[0] == letter for name in found):04d}")
    return found


def _views(faces: FaceSampler, subject: int, name: str) -> Iterator[tuple[str, Face, int, int]]:
    """Yield path, face, expression and pose class of one person's images."""
    for scan, (expression, code) in enumerate(_SCANS):
        number = subject * len(_SCANS) + scan
        rng = np.random.default_rng([faces.seed, _TAG, number])
        face = faces.face(number, identity=subject, expression=expression)
        face = replace(face, background=Background("plain", (0.0, 0.0, 0.0)))
        for view, degrees in enumerate(VIEWS):
            yaw = degrees + rng.uniform(-_VIEW_JITTER, _VIEW_JITTER)
            pitch, roll = rng.normal(0, 5, size=2).tolist()
            path = f"{name}/{name}_{code}WH_view{view}.jpg"
            yield path, replace(face, pose=Pose(pitch, float(yaw), roll)), scan, view
