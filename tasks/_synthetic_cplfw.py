"""Synthetic stand-in of CPLFW: rendered persons from the front and from both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from facebench.progress import Progress, increments
from facebench.synth import Face, FaceSampler, write_images

from ._synthetic import person_name

_TAG = 5  # distinguishes the draws from the sampler's own
_IMAGES = (1, 2, 3)  # images of a person: from the front, from one side, from the other
# Calibrated: with the two sides 20 to 60 degrees of yaw apart, and crops that vary little, an
# untrained facecycle16 is near 60 %; 40 to 90 degrees apart it is near chance.
_TURNED = (10.0, 30.0)  # degrees of yaw of the two side views
_FRONT = 5.0  # degrees, standard deviation
_JITTER = 0.3  # jitter of crops
_VIEWS = tuple(combinations(_IMAGES, 2))

Shot = tuple[int, int]  # person, image


def write_cross_pose(
    root: Path, faces: FaceSampler, progress: Progress, *, folds: int, per_fold: int, size: int
) -> None:
    """Write ``images/`` and ``pairs_CPLFW.txt`` in the original's order; no person is in two folds.

    Both kinds of pairs combine the same pairs of views, so that pose does not predict the label.

    Args:
        root: Empty folder.
        faces: Deterministic source of faces.
        progress: Progress reporter.
        folds: Number of folds.
        per_fold: Matched pairs of a fold; there are as many mismatched ones.
        size: Side in pixels.
    """
    people = max(2, -(-per_fold // len(_VIEWS)))
    members = [range(fold * people, (fold + 1) * people) for fold in range(folds)]
    matched = [pair for numbers in members for pair in _matched(numbers)[:per_fold]]
    mismatched = [
        pair
        for fold, numbers in enumerate(members)
        for pair in _mismatched(
            numbers, per_fold, np.random.default_rng([faces.seed, _TAG, 1, fold])
        )
    ]
    lines = [
        f"{_name(*shot)} {label}\n"
        for label, pairs in ((1, matched), (0, mismatched))
        for pair in pairs
        for shot in pair
    ]
    (root / "pairs_CPLFW.txt").write_text("".join(lines), encoding="utf-8")
    items = ((root / "images" / name, face) for name, face in _faces(faces, folds * people))
    with progress.bar("render", folds * people * len(_IMAGES), "face") as advance:
        write_images(items, size, progress=increments(advance))


def _matched(numbers: Sequence[int]) -> list[tuple[Shot, Shot]]:
    return [((n, a), (n, b)) for a, b in _VIEWS for n in numbers]


def _mismatched(
    numbers: Sequence[int], count: int, rng: np.random.Generator
) -> list[tuple[Shot, Shot]]:
    """Draw ``count`` distinct pairs, cycling through the pairs of views."""
    people = [pair for n, m in combinations(numbers, 2) for pair in ((n, m), (m, n))]
    orders = [rng.permutation(len(people)) for _ in _VIEWS]
    chosen = []
    for number in range(count):
        turn, view = divmod(number, len(_VIEWS))
        n, m = people[orders[view][turn % len(people)]]
        a, b = _VIEWS[view]
        chosen.append(((n, a), (m, b)))
    return chosen


def _faces(faces: FaceSampler, people: int) -> Iterator[tuple[str, Face]]:
    for number in range(people):
        rng = np.random.default_rng([faces.seed, _TAG, 2, number])
        side = rng.choice((-1.0, 1.0))
        left, right = rng.uniform(*_TURNED, size=2)
        yaws = (rng.normal(0, _FRONT), side * left, -side * right)
        for place, image in enumerate(_IMAGES):
            index = number * len(_IMAGES) + place
            face = faces.face(index, identity=number, jitter=_JITTER)
            pose = replace(face.pose, yaw=float(yaws[place]))
            yield _name(number, image), replace(face, pose=pose)


def _name(number: int, image: int) -> str:
    return f"{person_name(number)}_{image}.jpg"
