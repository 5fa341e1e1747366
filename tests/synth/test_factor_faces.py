"""Faces with known factors: labels are those of the faces, and factors are independent."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from facebench.progress import Silent
from facebench.synth import ACTION_UNITS, EXPRESSIONS, FaceSampler
from facebench.synth.factor_faces import (
    ANGLES,
    IMAGES,
    LABELS,
    PEOPLE,
    UNITS,
    read_labels,
    write_factor_faces,
)


def write(root: Path, seed: int = 3, people: int = 3, images: int = 7) -> pd.DataFrame:
    root.mkdir()
    write_factor_faces(root, FaceSampler(seed), Silent(), people=people, images=images, size=16)
    return read_labels(root)


def test_every_file_has_a_row_that_says_what_it_shows(tmp_path: Path) -> None:
    table = write(tmp_path / "a")
    files = {p.relative_to(tmp_path / "a").as_posix() for p in (tmp_path / "a").rglob("*.jpg")}
    assert set(table["path"]) == files
    assert len(table) == len(files) == 21
    with Image.open(tmp_path / "a" / table["path"][0]) as image:
        assert image.size == (16, 16)
    face = FaceSampler(3).face(9, identity=1, expression=EXPRESSIONS[2], pose_spread=1.5)
    (row,) = table[(table["person"] == 1) & (table["image"] == 2)].to_dict("records")
    assert row["expression"] == 2
    assert [row[angle] for angle in ANGLES] == [face.pose.yaw, face.pose.pitch, face.pose.roll]
    assert {u: row[f"au{u}"] for u in ACTION_UNITS} == {
        unit: int(grade >= 2) for unit, grade in face.action_units.items()
    }


def test_every_person_shows_every_expression_equally_often(tmp_path: Path) -> None:
    table = write(tmp_path / "a", images=14)
    assert (table.groupby(["person", "expression"]).size() == 2).all()
    assert IMAGES % len(EXPRESSIONS) == 0
    assert PEOPLE * IMAGES >= 1500


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again = write(tmp_path / "a"), write(tmp_path / "b")
    pd.testing.assert_frame_equal(first, again)
    for path in [*first["path"], LABELS]:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    assert not write(tmp_path / "c", seed=4)["yaw"].equals(first["yaw"])


def test_pose_has_nothing_to_do_with_person_or_expression() -> None:
    sampler = FaceSampler(0)
    rows = [
        (person, image % 7, sampler.face(person * 14 + image, identity=0, pose_spread=1.5).pose)
        for person in range(40)
        for image in range(14)
    ]
    poses = np.array([(pose.yaw, pose.pitch, pose.roll) for _, _, pose in rows])
    table = pd.DataFrame(poses, columns=list(ANGLES))
    for group in (0, 1):
        means = table.groupby([row[group] for row in rows]).transform("mean")
        explained = (means.var() / table.var()).to_numpy()
        groups = len({row[group] for row in rows})
        assert (explained < 2.5 * groups / len(rows)).all()  # by chance: groups / rows
    assert len(UNITS) == 12
