"""CPLFW: its list of two lines to a pair, its folds, its two kinds of images and their crops."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facebench.data.dataset import open_dataset
from facebench.errors import DataError, SpecError
from facebench_tasks._cplfw_pairs import read_pair_lines
from facebench_tasks._five_points import read_points, square
from facebench_tasks.cplfw import CPLFW, CPLFWOptions

Pair = tuple[str, str, int]

# Person k has images 1 to 3; ten folds of one matched and one mismatched pair.
PEOPLE = [f"Ann-Lee_{k:02d}" for k in range(20)]
MATCHED: list[Pair] = [(f"{who}_1.jpg", f"{who}_2.jpg", 1) for who in PEOPLE[::2]]
MISMATCHED: list[Pair] = [
    (f"{a}_3.jpg", f"{b}_1.jpg", 0) for a, b in zip(PEOPLE[::2], PEOPLE[1::2], strict=True)
]


def lines(pairs: list[Pair], end: str = "\n") -> str:
    return "".join(f"{image} {label}{end}" for *two, label in pairs for image in two)


def cplfw(root: Path, folder: str = "images", *, landmarks: bool = False) -> Path:
    (root / folder).mkdir(parents=True)
    for who in PEOPLE:
        for number in (1, 2, 3):
            size = (40, 30) if folder == "images" else (112, 112)
            Image.new("RGB", size).save(root / folder / f"{who}_{number}.jpg")
            if landmarks:
                (root / "CP_landmarks").mkdir(exist_ok=True)
                text = "10 10\n20 10\n15 16\n11 20.5\n19 20\n"
                (root / f"CP_landmarks/{who}_{number}_5loc_attri.txt").write_text(text)
    (root / "pairs_CPLFW.txt").write_text(lines(MATCHED + MISMATCHED))
    return root


def test_every_image_with_its_person(tmp_path: Path) -> None:
    cplfw(tmp_path)
    (tmp_path / "images/notes.txt").touch()
    (tmp_path / "images/cover.jpg").touch()
    table = CPLFW().manifest(tmp_path)
    assert len(table) == 60
    assert table["path"].iloc[0] == "images/Ann-Lee_00_1.jpg"
    assert table["subject"].value_counts().to_dict() == dict.fromkeys(PEOPLE, 3)
    assert "left" not in table  # the largest centred square
    (warning,) = table.attrs["warnings"]
    assert "left out 1 " in warning
    assert "images/cover.jpg" in warning


def test_aligned_images_go_first(tmp_path: Path) -> None:
    cplfw(tmp_path / "raw", landmarks=True)
    for folder in ("images", "aligned images"):
        cplfw(tmp_path / "both", folder)
    auto = CPLFW().manifest(tmp_path / "both")
    assert auto["path"].str.startswith("aligned images/").all()
    assert "left" not in auto
    raw = CPLFW(CPLFWOptions(variant="raw")).manifest(tmp_path / "both")
    assert raw["path"].str.startswith("images/").all()
    with pytest.raises(DataError, match=r"no Name_1\.jpg in its aligned images/"):
        CPLFW(CPLFWOptions(variant="aligned")).manifest(tmp_path / "raw")


def test_crop_by_landmarks(tmp_path: Path) -> None:
    root = cplfw(tmp_path, landmarks=True)
    row = CPLFW().manifest(root).iloc[0]
    # The points' box is x 10..20, y 10..20.5: a side of 3 x 10.5 around (15, 15.25).
    assert row[["left", "top", "right", "bottom"]].tolist() == [-1, 0, 31, 32]
    tight = CPLFW(CPLFWOptions(margin=0)).manifest(root).iloc[0]
    assert tight[["left", "top", "right", "bottom"]].tolist() == [10, 10, 20, 20]
    assert "left" not in CPLFW(CPLFWOptions(crop="centre")).manifest(root)
    (root / "CP_landmarks/Ann-Lee_00_2_5loc_attri.txt").unlink()
    with pytest.raises(DataError, match=r"landmarks of 1 of 60 .*crop=centre"):
        CPLFW().manifest(root)


def test_landmarks_of_the_dataset(tmp_path: Path) -> None:
    root = cplfw(tmp_path, landmarks=True)
    paths = CPLFW(CPLFWOptions()).manifest(root)["path"].tolist()
    file = root / f"CP_landmarks/{Path(paths[7]).stem}_5loc_attri.txt"
    (root / f"CP_landmarks/{Path(paths[3]).stem}_5loc_attri.txt").unlink()
    points = CPLFW(CPLFWOptions()).landmarks(root, paths)
    assert points is not None
    np.testing.assert_array_equal(points[7], np.loadtxt(file))
    assert np.flatnonzero(np.isnan(points).any(axis=(1, 2))).tolist() == [3]
    assert CPLFW(CPLFWOptions()).landmarks(cplfw(tmp_path / "without"), paths) is None


def test_landmarks_that_were_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="landmarks of 60 of 60"):
        CPLFW(CPLFWOptions(crop="landmarks")).manifest(cplfw(tmp_path))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("1 2\n3 4\n5 6\n7 8\n", r":4: found '4 points'"),
        ("1 2\n" * 5, r":5: found '5 points in one place'"),
        ("1 2\n3 4\n5 6\n7 8\n9 10\n11 12\n", r":6: found '11 12'"),
        ("1 2\n3\n", r":2: found '3'"),
        ("1 2\nnan 3\n", r":2: found 'nan 3'"),
        ("", r":1: found '0 points"),
    ],
)
def test_malformed_landmarks(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(DataError, match=where):
        read_points(tmp_path / "x.txt")


@given(
    points=st.lists(
        st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=5, max_size=5
    ).filter(lambda points: len(set(points)) > 1),
    margin=st.floats(0, 3),
)
def test_square_holds_the_points(points: list[tuple[float, float]], margin: float) -> None:
    left, top, right, bottom = square(points, margin)
    assert right - left == bottom - top >= 1
    for low, high, values in ((left, right, 0), (top, bottom, 1)):
        coordinates = [point[values] for point in points]
        assert low - 1 <= min(coordinates)
        assert max(coordinates) <= high + 1


def test_folds_are_interleaved(tmp_path: Path) -> None:
    pairs = CPLFW().pairs(cplfw(tmp_path))
    assert pairs["fold"].tolist() == [fold for fold in range(10) for _ in range(2)]
    assert pairs["same"].tolist() == [True, False] * 10
    assert pairs["first"].iloc[2] == "images/Ann-Lee_02_1.jpg"
    assert pairs["second"].iloc[3] == "images/Ann-Lee_03_1.jpg"
    dataset = open_dataset(CPLFW(), _called_cplfw(tmp_path), tmp_path / "cache")
    assert dataset.counts == {"test": 60, "pairs": 20}


def _called_cplfw(root: Path) -> Path:
    data = root / "data"
    cplfw(data / "CPLFW")
    return data


def test_images_that_the_list_spells_otherwise(tmp_path: Path) -> None:
    root = cplfw(tmp_path)
    (root / "images/Ann-Lee_00_1.jpg").rename(root / "images/ann-lee_00_1.JPG")
    pairs, table = CPLFW().pairs(root), CPLFW().manifest(root)
    assert pairs["first"].iloc[0] == "images/ann-lee_00_1.JPG"
    assert pairs["first"].isin(table["path"]).all()
    (root / "images/Ann-Lee_04_2.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of 40 images listed in .*Ann-Lee_04_2"):
        CPLFW().pairs(root)


@pytest.mark.parametrize("heading", ["", "name same_person\r\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "  \r\n\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_forms_of_the_list(tmp_path: Path, heading: str, end: str, bom: str) -> None:
    file = tmp_path / "pairs_CPLFW.txt"
    file.write_bytes((bom + heading + lines(MATCHED + MISMATCHED, end)).encode())
    first = read_pair_lines(file)
    file.write_text(lines(MATCHED + MISMATCHED))
    pd.testing.assert_frame_equal(first, read_pair_lines(file))


def test_already_interleaved_list_gives_the_same_folds(tmp_path: Path) -> None:
    file = tmp_path / "pairs_CPLFW.txt"
    file.write_text(lines(MATCHED + MISMATCHED))
    expected = read_pair_lines(file)
    both = zip(MATCHED, MISMATCHED, strict=True)
    file.write_text(lines([pair for two in both for pair in two]))
    pd.testing.assert_frame_equal(read_pair_lines(file), expected)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("Ann-Lee_00_2.jpg 1", "Ann-Lee_00_2.jpg 0", r":2: found .*the label of the line before"),
        ("Ann-Lee_00_2.jpg 1", "Ann-Lee_00_1.jpg 1", r":2: found .*another image"),
        ("Ann-Lee_00_2.jpg 1", "Ann-Lee_01_2.jpg 1", r":2: found .*images of one person"),
        ("Ann-Lee_01_1.jpg 0", "Ann-Lee_00_1.jpg 0", r":22: found .*images of two people"),
        ("Ann-Lee_00_2.jpg 1", "Ann-Lee_00_2.jpg", r":2: found .*expected an image and a label"),
        ("Ann-Lee_00_1.jpg 1", "Ann-Lee_00_1.jpg 2", r":1: found .*expected an image and a label"),
        ("Ann-Lee_00_1.jpg 1", "Ann-Lee.jpg 1", r":1: found .*expected an image and a label"),
        ("Ann-Lee_00_1.jpg 1\n", "", r":2: found|found 39 images"),
        ("Ann-Lee_01_1.jpg 0", "Ann-Lee_05_1.jpg 0", r"1 people in two folds: ann-lee_05"),
        (lines(MISMATCHED), "", "10 matched and 0 mismatched"),
        (lines(MATCHED[:1] + MATCHED[1:2]), "", "8 matched and 10 mismatched"),
        (lines(MATCHED + MISMATCHED), "\n", "0 matched and 0 mismatched"),
    ],
)
def test_malformed_list(tmp_path: Path, old: str, new: str, where: str) -> None:
    file = tmp_path / "pairs_CPLFW.txt"
    file.write_text(lines(MATCHED + MISMATCHED).replace(old, new))
    with pytest.raises(DataError, match=where):
        read_pair_lines(file)


@settings(deadline=None)  # disks are slow at times
@given(text=st.text(max_size=200))
def test_any_text_is_refused_with_words(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.mktemp("list") / "pairs_CPLFW.txt"
    file.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(DataError, match="expected"):
        read_pair_lines(file)


def test_shuffled_list_leaks_and_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pairs_CPLFW.txt"
    file.write_text(lines(random.Random(0).sample(MATCHED, 10) + MISMATCHED))
    with pytest.raises(DataError, match="people in two folds.*in its own order"):
        read_pair_lines(file)


def test_no_list_and_no_images(tmp_path: Path) -> None:
    root = cplfw(tmp_path / "a")
    (root / "pairs_CPLFW.txt").unlink()
    with pytest.raises(DataError, match=r"(?s)no pairs_CPLFW\.txt beside them.*whdeng"):
        CPLFW().pairs(root)
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match=r"(?s)It holds nothing; expected.*aligned images/"):
        CPLFW().manifest(tmp_path / "b")


def test_bad_options() -> None:
    with pytest.raises(SpecError, match="variant is 'funneled'; expected one of auto, aligned"):
        CPLFWOptions(variant="funneled")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="crop is 'middle'; expected one of auto, landmarks"):
        CPLFWOptions(crop="middle")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="margin is -1; expected"):
        CPLFWOptions(margin=-1)


def test_stand_in(stand_ins: Path) -> None:
    dataset = open_dataset(CPLFW(), None, stand_ins, scale=0.02)
    assert dataset.counts == {"test": 60, "pairs": 40}
    assert dataset.warnings == ()
    assert dataset.pairs is not None
    text = (dataset.root / "pairs_CPLFW.txt").read_text()
    labels = [line.split()[1] for line in text.splitlines()]
    assert labels == ["1"] * 40 + ["0"] * 40  # the original's order
    assert not dataset.pairs[["first", "second"]].duplicated().any()
    assert dataset.image(0, 128).std() > 5


def test_the_real_list() -> None:
    folder = os.environ.get("FACEBENCH_LABELS")
    if folder is None:
        pytest.skip("FACEBENCH_LABELS names no folder with pairs_CPLFW.txt")
    file = Path(folder) / "pairs_CPLFW.txt"
    pairs = read_pair_lines(file)
    assert len(pairs) == CPLFW.info.counts["pairs"]
    assert pairs.groupby("fold")["same"].agg(["size", "sum"]).values.tolist() == [[600, 300]] * 10
    assert pairs["same"].iloc[:300].all()
    assert not pairs["same"].iloc[300:600].any()
    images = pd.concat([pairs["first"], pairs["second"]])
    assert images.nunique() == 5984
    who = images.str.rpartition("_")[0]
    assert who.nunique() == 2296
    folds = pd.concat([pairs["fold"], pairs["fold"]])
    assert folds.groupby(who).nunique().max() == 1
    # Fold k by plain counting in the file's own order.
    plain = [line.split()[0] for line in file.read_text().splitlines()[1:]]
    for k in range(10):
        positives, negatives = plain[600 * k : 600 * (k + 1)], plain[6000 + 600 * k :][:600]
        mine = pairs[pairs["fold"] == k][["first", "second"]].to_numpy().ravel().tolist()
        assert mine == positives + negatives
    np.testing.assert_array_equal(pairs["fold"], np.repeat(np.arange(10), 600))
