"""Synthetic stand-ins of rendered faces, in the layouts of the datasets that they replace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from facebench.progress import Progress, increments
from facebench.synth import Face, FaceSampler, write_images

# In LFW the face fills 150 of 250 px, and its middle is 10 px below that of the image; zoom 1 fills
# the whole image.
_LFW_ZOOM = 150 / 250
_LFW_BELOW = 10 / 250
_IMAGES_EACH = 3  # images of a person
# Calibrated: at the renderer's own spread (1.0) a linear probe on an untrained facecycle16 is
# near chance with 1,400 training faces, at 0.3 it is well above and far from perfect.
_SPREAD = 0.3
_SAME = tuple(combinations(range(1, _IMAGES_EACH + 1), 2))  # matched pairs of a person


def class_labels(classes: int, total: int) -> list[int]:
    """Return about ``total`` labels in ascending order, equally many of each class, at least two.

    The real datasets are unbalanced. At the size of a stand-in a rare class would have too few
    images, and a large majority class would hide differences between methods.
    """
    counts = [max(2, (total + rest) // classes) for rest in range(classes - 1, -1, -1)]
    return [label for label, count in enumerate(counts) for _ in range(count)]


def write_expressions(
    files: Sequence[tuple[Path, str]],
    faces: FaceSampler,
    progress: Progress,
    *,
    size: int,
    grayscale: bool = False,
    aligned: bool = False,
) -> None:
    """Render the face of another person, with the given expression, into every file.

    Args:
        files: File and expression of each image, one of :data:`facebench.synth.EXPRESSIONS`.
        faces: Deterministic source of faces.
        progress: Progress reporter.
        size: Side in pixels.
        grayscale: Whether to write one channel instead of three.
        aligned: Whether eyes are level, as in datasets that are aligned by landmarks.
    """
    items = (
        (
            file,
            faces.face(
                index, expression=expression, pose_spread=_SPREAD, jitter=_SPREAD, aligned=aligned
            ),
        )
        for index, (file, expression) in enumerate(files)
    )
    with progress.bar("render", len(files), "face") as advance:
        write_images(items, size, grayscale=grayscale, progress=increments(advance))


def write_people(
    root: Path, faces: FaceSampler, progress: Progress, *, folds: int, per_fold: int, size: int
) -> None:
    """Write LFW's deep-funneled layout and ``pairs.txt``; no person is in two folds.

    Args:
        root: Empty folder.
        faces: Deterministic source of faces.
        progress: Progress reporter.
        folds: Number of folds.
        per_fold: Matched pairs of a fold; there are as many mismatched ones.
        size: Side in pixels.
    """
    people = max(2, -(-per_fold // len(_SAME)))
    home = root / "lfw-deepfunneled"
    lines, items = [f"{folds}\t{per_fold}"], []
    for fold in range(folds):
        numbers = range(fold * people, (fold + 1) * people)
        lines += _fold_lines(numbers, per_fold, np.random.default_rng(fold))
        items += [(number, image) for number in numbers for image in range(1, _IMAGES_EACH + 1)]
    (root / "pairs.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    people_in_files = (
        (
            home / person_name(number) / f"{person_name(number)}_{image:04d}.jpg",
            _as_in_lfw(faces.face(index, identity=number, aligned=True)),
        )
        for index, (number, image) in enumerate(items)
    )
    with progress.bar("render", len(items), "face") as advance:
        write_images(people_in_files, size, progress=increments(advance))


def _fold_lines(numbers: Sequence[int], per_fold: int, rng: np.random.Generator) -> list[str]:
    """One fold of ``pairs.txt``: matched lines, then as many different mismatched lines."""
    same = [f"{person_name(n)}\t{a}\t{b}" for n in numbers for a, b in _SAME]
    images = range(1, _IMAGES_EACH + 1)
    different = [
        f"{person_name(n)}\t{a}\t{person_name(m)}\t{b}"
        for n, m in combinations(numbers, 2)
        for a in images
        for b in images
    ]
    chosen = np.sort(rng.choice(len(different), per_fold, replace=False))
    return same[:per_fold] + [different[index] for index in chosen]


def person_name(number: int) -> str:
    """Return the name of person ``number`` of a stand-in."""
    return f"Synthetic_Person_{number:03d}"


def _as_in_lfw(face: Face) -> Face:
    """Return the face further away, and as far below the middle of the image as in LFW."""
    camera = face.camera
    return replace(
        face,
        camera=replace(camera, zoom=camera.zoom * _LFW_ZOOM, shift_y=camera.shift_y + _LFW_BELOW),
    )
