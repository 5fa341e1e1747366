"""The transform to a template, against least squares in float64 and against known places."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facebench.config.align import AlignSpec, Template
from facebench.data.align.alignment import moved
from facebench.data.align.five_points import NAMES, TEMPLATES, Points, similarity, warp
from facebench.data.align.landmark_file import COLUMNS, read_landmarks
from facebench.errors import DataError, SpecError
from facebench.runtime.images import Scaling, crop_resize

TEMPLATE_NAMES: tuple[Template, ...] = ("arcface", "dlib")


def random_points(seed: int, template: Template) -> Points:
    """Return a face of the template, turned, scaled, moved, and disturbed by some pixels."""
    rng = np.random.default_rng(seed)
    angle, scale = rng.uniform(-3, 3), rng.uniform(0.3, 4)
    turn = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    moved_: Points = TEMPLATES[template][1] @ turn.T + rng.uniform(-200, 200, 2)
    return moved_ + rng.normal(0, 3, (5, 2))


def naive(points: Points, target: Points) -> np.ndarray:
    """Solve for a, b, s, t of x' = ax - by + s, y' = bx + ay + t by least squares."""
    rows, values = [], []
    for (x, y), (u, v) in zip(points, target, strict=True):
        rows += [(x, -y, 1, 0), (y, x, 0, 1)]
        values += [u, v]
    (a, b, s, t), *_ = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)
    return np.array([(a, -b, s), (b, a, t)])


@pytest.mark.parametrize("template", TEMPLATE_NAMES)
def test_similarity_is_the_least_squares_solution(template: Template) -> None:
    for seed in range(50):
        points = random_points(seed, template)
        found = similarity(points, template)
        assert found is not None
        np.testing.assert_allclose(found, naive(points, TEMPLATES[template][1]), atol=1e-8)


def test_no_transform_without_a_face() -> None:
    assert similarity(np.full((5, 2), np.nan), "arcface") is None
    assert similarity(np.full((5, 2), 7.0), "arcface") is None


def test_landmarks_come_to_the_template() -> None:
    """Bright dots at the landmarks are at the template's points, at any side."""
    target = TEMPLATES["arcface"][1]
    turn = 2.5 * np.array([(np.cos(0.4), -np.sin(0.4)), (np.sin(0.4), np.cos(0.4))])
    points = target @ turn.T + (160, 40)
    y, x = np.mgrid[:420, :420]
    for size in (56, 112, 200):
        for index in range(5):
            dot = 255 * np.exp(-((x - points[index, 0]) ** 2 + (y - points[index, 1]) ** 2) / 32)
            image = np.repeat(dot[..., None], 3, axis=2).astype(np.uint8)
            transform = similarity(points, "arcface")
            assert transform is not None
            seen = warp(image, transform, "arcface", size, Scaling())[..., 0].astype(float)
            rows, columns = np.mgrid[:size, :size]
            centre = ((seen * columns).sum() / seen.sum(), (seen * rows).sum() / seen.sum())
            expected = (target[index] + 0.5) * size / 112 - 0.5
            np.testing.assert_allclose(centre, expected, atol=0.15)


@pytest.mark.parametrize("scaling", [Scaling(), Scaling("bilinear", antialias=False)])
def test_a_face_that_is_not_turned_is_a_crop(scaling: Scaling) -> None:
    """Without a turn the transform is what cropping and scaling do."""
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 255, (20, 20, 3), np.uint8)).resize((300, 300))
    points = 2 * (TEMPLATES["arcface"][1] + 0.5) - 0.5 + (30, 50)
    transform = similarity(points, "arcface")
    assert transform is not None
    seen = warp(np.array(smooth), transform, "arcface", 112, scaling)
    crop = crop_resize(np.array(smooth), (30, 50, 254, 274), 112, scaling)
    assert np.abs(seen.astype(int) - crop).max() <= 2


def test_beyond_the_border_is_black() -> None:
    white = np.full((60, 60, 3), 255, np.uint8)
    transform = similarity(TEMPLATES["arcface"][1] + (40, 0), "arcface")
    assert transform is not None
    seen = warp(white, transform, "arcface", 112, Scaling())
    assert (seen[:59, :19] == 255).all()
    assert (seen[:, 21:] == 0).all()


def test_a_crop_is_moved_and_resized() -> None:
    box = (50, 50, 200, 200)
    assert moved(AlignSpec(side=122), box, 250, 250) == (64, 64, 186, 186)
    assert moved(AlignSpec(side=122, centre=(125.0, 135.0)), box, 250, 250) == (64, 74, 186, 196)
    assert moved(AlignSpec(centre=(100.0, 110.0)), box, 250, 250) == (25, 35, 175, 185)
    assert moved(AlignSpec(side=10), None, 30, 20) == (10, 5, 20, 15)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "none", "side": 9}, "align.side is given, and align.kind is none"),
        ({"template": "dlib"}, "set align.kind=five_points"),
        ({"landmarks": "a.csv"}, "set align.kind=five_points"),
        ({"centre": (1.0,)}, "expected x and y"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        AlignSpec(**options)  # type: ignore[arg-type]


@pytest.fixture
def table() -> pd.DataFrame:
    points = TEMPLATES["arcface"][1]
    rows = [["a.png", *(points + 1).ravel()], ["b.png", *[None] * 10], ["c.png", *points.ravel()]]
    return pd.DataFrame(rows, columns=["path", *COLUMNS])


def test_landmarks_of_a_file(tmp_path: Path, table: pd.DataFrame) -> None:
    file = tmp_path / "points.csv"
    table.to_csv(file, index=False)
    found = read_landmarks(file, ["c.png", "d.png", "b.png"])
    assert found.shape == (3, len(NAMES), 2)
    np.testing.assert_array_equal(found[0], TEMPLATES["arcface"][1])
    assert np.isnan(found[1:]).all()


def test_files_that_are_no_landmarks(tmp_path: Path, table: pd.DataFrame) -> None:
    file = tmp_path / "points.csv"

    def refused(changed: pd.DataFrame, said: str, paths: tuple[str, ...] = ("a.png",)) -> None:
        changed.to_csv(file, index=False)
        with pytest.raises(DataError, match=said):
            read_landmarks(file, paths)

    refused(table.drop(columns="nose_y"), "lacking: nose_y")
    refused(table, "of none of the 1 images", ("z.png",))
    refused(pd.concat([table, table[:1]]), "line 5: a.png is there twice")
    swapped = table.rename(columns={"left_eye_x": "right_eye_x", "right_eye_x": "left_eye_x"})
    refused(swapped, "Exchange left and right")
    refused(table.astype(object).fillna("none"), "line 3: left_eye_x is 'none'", ("a.png",))
    with pytest.raises(DataError, match="cannot be read"):
        read_landmarks(tmp_path / "missing.csv", ["a.png"])
