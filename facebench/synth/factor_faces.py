"""Rendered faces with known identity, expression, action units and head pose.

The persons form a population of their own. Every person shows every expression equally often, and
the pose is drawn independently of person and expression, so that no factor predicts another one.
Action units and expressions are the exception: they are correlated, as in real faces.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facebench.progress import Progress, increments
from facebench.runtime.atomic import atomic_file
from facebench.synth.actions import ACTION_UNITS
from facebench.synth.attributes import EXPRESSIONS, Face
from facebench.synth.sampling import FaceSampler
from facebench.synth.write import write_images

PEOPLE = 140
IMAGES = 14  # images of each person: every expression twice
SIDE = 128  # pixels
LABELS = "labels.parquet"

ANGLES = ("yaw", "pitch", "roll")
UNITS = tuple(f"au{unit}" for unit in ACTION_UNITS)
FACTORS = ("identity", "expression", "action units", *ANGLES)
"""Names of the known factors, in the order in which they are reported."""

_POSE_SPREAD = 1.5  # yaw has a standard deviation of 18 degrees
_PRESENT = 2  # intensity of 5 from which DISFA's protocols count an action unit as shown


def write_factor_faces(
    root: Path, faces: FaceSampler, progress: Progress, *, people: int, images: int, size: int
) -> None:
    """Render the faces, and write their labels into the same folder.

    Args:
        root: An empty folder.
        faces: Deterministic source of faces.
        progress: Progress reporter.
        people: Number of persons.
        images: Images of each person; a multiple of 7 shows every expression equally often.
        size: Side in pixels.
    """
    shown = [
        (person, image, _face(faces, person, image, images))
        for person in range(people)
        for image in range(images)
    ]
    items = [(root / _path(person, image), face) for person, image, face in shown]
    with progress.bar("render", len(items), "face") as advance:
        write_images(items, size, progress=increments(advance))
    table = pd.DataFrame([_row(person, image, face) for person, image, face in shown])
    with atomic_file(root / LABELS) as temporary:
        table.to_parquet(temporary, index=False)


def read_labels(root: Path) -> pd.DataFrame:
    """Return one row per image.

    ``path``, ``person`` and ``image`` (0-based), ``expression`` (position in `EXPRESSIONS`),
    ``yaw``, ``pitch`` and ``roll`` (degrees, see :mod:`facebench.synth.attributes`), and each of
    `UNITS` (0 or 1).
    """
    return pd.read_parquet(root / LABELS)


def _face(faces: FaceSampler, person: int, image: int, images: int) -> Face:
    return faces.face(
        person * images + image,
        identity=person,
        expression=EXPRESSIONS[image % len(EXPRESSIONS)],
        pose_spread=_POSE_SPREAD,
    )


def _path(person: int, image: int) -> str:
    return f"person{person:03d}/{image:02d}.jpg"


def _row(person: int, image: int, face: Face) -> dict[str, object]:
    units = {f"au{unit}": int(grade >= _PRESENT) for unit, grade in face.action_units.items()}
    return {
        "path": _path(person, image),
        "person": person,
        "image": image,
        "expression": EXPRESSIONS.index(face.expression),
        **{angle: getattr(face.pose, angle) for angle in ANGLES},
        **units,
    }
