"""LFW: where images and pairs are found, and what a pair list may look like."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facebench.errors import DataError, SpecError
from facebench_tasks.lfw import LFW, LFWOptions

PAIRS = """2\t2
Ann_Lee\t1\t2
Ann_Lee\t1\t3
Ann_Lee\t1\tBo\t2
Ann_Lee\t2\tBo\t1
Cy-Di\t1\t2
Cy-Di\t2\t3
Cy-Di\t1\tEve\t1
Cy-Di\t3\tEve\t2
"""
PEOPLE = {"Ann_Lee": 3, "Bo": 2, "Cy-Di": 3, "Eve": 2}


def people(home: Path, side: int = 250) -> None:
    for name, count in PEOPLE.items():
        (home / name).mkdir(parents=True)
        for number in range(1, count + 1):
            image = Image.fromarray(np.zeros((side, side, 3), dtype=np.uint8))
            image.save(home / name / f"{name}_{number:04d}.jpg")
    (home / "README.txt").touch()
    (home / "Ann_Lee/.DS_Store").touch()
    (home / "Ann_Lee/notes.txt").touch()


def lfw(root: Path, folder: str = "lfw-deepfunneled") -> Path:
    people(root / folder)
    (root / "pairs.txt").write_text(PAIRS)
    return root


def test_every_image_with_person_and_crop(tmp_path: Path) -> None:
    table = LFW().manifest(lfw(tmp_path))
    assert len(table) == 10
    assert set(table["split"]) == {"test"}
    assert table["path"].iloc[0] == "lfw-deepfunneled/Ann_Lee/Ann_Lee_0001.jpg"
    assert table["subject"].value_counts().to_dict() == PEOPLE
    assert table[["left", "top", "right", "bottom"]].drop_duplicates().values.tolist() == [
        [50, 60, 200, 210]
    ]


@pytest.mark.parametrize(
    ("crop", "box"),
    [
        (250, [0, 0, 250, 250]),  # the whole image
        (240, [5, 10, 245, 250]),  # as far down as the image reaches
        (151, [49, 59, 200, 210]),
        (1, [124, 134, 125, 135]),
    ],
)
def test_crop_is_centred_on_the_faces(tmp_path: Path, crop: int, box: list[int]) -> None:
    row = LFW(LFWOptions(crop=crop)).manifest(lfw(tmp_path)).iloc[0]
    assert [row[side] for side in ("left", "top", "right", "bottom")] == box


def test_bad_options() -> None:
    with pytest.raises(SpecError, match="is 251; expected a whole number of 1 to 250"):
        LFWOptions(crop=251)
    with pytest.raises(SpecError, match="expected one of auto, deepfunneled, funneled, raw"):
        LFWOptions(variant="aligned")  # type: ignore[arg-type]


def test_pairs(tmp_path: Path) -> None:
    pairs = LFW().pairs(lfw(tmp_path))
    assert pairs["same"].tolist() == [True, True, False, False] * 2
    assert pairs["fold"].tolist() == [0] * 4 + [1] * 4
    assert pairs["first"].iloc[3] == "lfw-deepfunneled/Ann_Lee/Ann_Lee_0002.jpg"
    assert pairs["second"].iloc[3] == "lfw-deepfunneled/Bo/Bo_0001.jpg"
    assert set(pairs["first"]) | set(pairs["second"]) <= set(LFW().manifest(tmp_path)["path"])


def test_kaggle_copy_nests_folders_and_has_a_csv(tmp_path: Path) -> None:
    people(tmp_path / "lfw-deepfunneled/lfw-deepfunneled")
    block = "Ann_Lee,1,2,\nAnn_Lee,1,Bo,2\n"
    (tmp_path / "pairs.csv").write_text("name,imagenum1,imagenum2,\n" + block * 10)
    pairs = LFW().pairs(tmp_path)
    assert pairs["same"].tolist() == [True, False] * 10
    assert pairs["fold"].tolist() == [fold for fold in range(10) for _ in range(2)]
    assert pairs["first"].isin(LFW().manifest(tmp_path)["path"]).all()


def test_variants_side_by_side(tmp_path: Path) -> None:
    for folder in ("lfw", "lfw_funneled", "lfw-deepfunneled"):
        people(tmp_path / folder)
    for variant, folder in (
        ("auto", "lfw-deepfunneled"),
        ("deepfunneled", "lfw-deepfunneled"),
        ("funneled", "lfw_funneled"),
        ("raw", "lfw"),
    ):
        table = LFW(LFWOptions(variant=variant)).manifest(tmp_path)  # type: ignore[arg-type]
        assert table["path"].str.startswith(f"{folder}/").all()


def test_asked_for_variant_is_not_replaced(tmp_path: Path) -> None:
    lfw(tmp_path)
    with pytest.raises(DataError, match=r"no Name/Name_0001\.jpg .* its lfw_funneled/"):
        LFW(LFWOptions(variant="funneled")).manifest(tmp_path)


def test_root_may_be_the_folder_of_people(tmp_path: Path) -> None:
    lfw(tmp_path, "lfw")
    table = LFW().manifest(tmp_path / "lfw")
    assert table["path"].iloc[0] == "Ann_Lee/Ann_Lee_0001.jpg"
    assert len(LFW().pairs(tmp_path / "lfw")) == 8  # found beside the folder
    raw = LFW(LFWOptions(variant="raw")).manifest(tmp_path / "lfw")
    assert raw["path"].tolist() == table["path"].tolist()


@pytest.mark.parametrize("place", ["pairs.txt", "lfw-deepfunneled/pairs.txt", "../pairs.txt"])
def test_places_of_the_pair_list(tmp_path: Path, place: str) -> None:
    root = lfw(tmp_path / "lfw")
    (root / "pairs.txt").unlink()
    (root / place).write_text(PAIRS.replace("\n", "\r\n") + "\r\n")
    assert len(LFW().pairs(root)) == 8


def test_no_pair_list(tmp_path: Path) -> None:
    lfw(tmp_path / "lfw")
    (tmp_path / "lfw/pairs.txt").unlink()
    with pytest.raises(DataError, match=r"(?s)no pairs\.txt beside it.*fetch_lfw_pairs"):
        LFW().pairs(tmp_path / "lfw")


def test_wrong_folder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"(?s)It holds images; expected.*Abel_Pacheco.*Kaggle"):
        LFW().manifest(tmp_path)


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    people(tmp_path / "lfw-deepfunneled", side=112)
    with pytest.raises(DataError, match="found 112 x 112 px; expected 250 x 250"):
        LFW().manifest(tmp_path)


def test_the_side_is_that_of_the_first_image_that_can_be_read(tmp_path: Path) -> None:
    """Images that cannot be read are an error when features are extracted, or are left out."""
    home = tmp_path / "lfw-deepfunneled"
    people(home, side=112)
    first, second, *_ = sorted(home.glob("*/*.jpg"))
    first.write_bytes(b"")
    with pytest.raises(DataError, match=f"{second.name}: found 112 x 112 px"):
        LFW().manifest(tmp_path)
    for image in home.glob("*/*.jpg"):
        image.write_bytes(b"")
    assert first.relative_to(tmp_path).as_posix() in set(LFW().manifest(tmp_path)["path"])


def test_images_of_pairs_that_are_missing(tmp_path: Path) -> None:
    lfw(tmp_path)
    (tmp_path / "lfw-deepfunneled/Eve/Eve_0002.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of 10 images listed in .*pairs\.txt.*Eve_0002\.jpg"):
        LFW().pairs(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("2\t2\n", "2\n", r"pairs\.txt:1: found '2'; expected the number of folds"),
        ("2\t2\n", "2\t0\n", r"pairs\.txt:1"),
        ("2\t2\n", "2\t3\n", r"found 8 pairs; expected 2 folds of 3 matched and 3 mismatched, 12"),
        ("Ann_Lee\t1\t2", "Ann_Lee\t1", r"pairs\.txt:2: found .*expected a matched pair"),
        ("Ann_Lee\t1\t2", "Ann_Lee\t0\t2", r"pairs\.txt:2: found .*expected a matched pair"),
        ("Ann_Lee\t1\t2", "Ann_Lee\t1\tBo\t1", r"pairs\.txt:2: found .*expected a matched pair"),
        ("Ann_Lee\t1\tBo\t2", "Ann_Lee\t1\t2", r"pairs\.txt:4: found .*a mismatched pair"),
        ("Ann_Lee\t1\tBo\t2", "Ann_Lee\t1\tBo\tx", r"pairs\.txt:4: found .*a mismatched pair"),
        ("Ann_Lee\t1\t2", "Ann_Lee\t2\t2", r"pairs\.txt:2: found .*two different images"),
        ("1\tBo\t2", "1\tAnn_Lee\t2", r"pairs\.txt:4: found .*two different people"),
        (PAIRS, "\n", "found no pairs"),
    ],
)
def test_malformed_pair_list(tmp_path: Path, old: str, new: str, where: str) -> None:
    lfw(tmp_path)
    (tmp_path / "pairs.txt").write_text(PAIRS.replace(old, new))
    with pytest.raises(DataError, match=where):
        LFW().pairs(tmp_path)


def spelled(root: Path, change: Callable[[str], str]) -> Path:
    """Write images and pairs of people whose names have spaces and accents."""
    names = {"Ann_Lee": "José Ñandú", "Cy-Di": "Zoë O'Neill"}
    lfw(root)
    text = PAIRS
    for old, new in names.items():
        text = text.replace(old, new)
        home = root / "lfw-deepfunneled" / old
        for path in list(home.glob("*.jpg")):
            path.rename(home / change(path.name.replace(old, new)))
        home.rename(home.with_name(change(new)))
    (root / "pairs.txt").write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    "change",
    [
        lambda name: unicodedata.normalize("NFC", name),
        lambda name: unicodedata.normalize("NFD", name),  # macOS
        str.upper,
    ],
)
def test_names_with_spaces_and_accents(tmp_path: Path, change: Callable[[str], str]) -> None:
    root = spelled(tmp_path, change)
    table, pairs = LFW().manifest(root), LFW().pairs(root)
    assert table.attrs == {"warnings": []}
    assert table["subject"].value_counts().tolist() == [3, 3, 2, 2]
    named = pd.concat([pairs["first"], pairs["second"]])
    assert named.isin(table["path"]).all()
    person = change("José Ñandú")
    assert pairs["first"].iloc[0] == f"lfw-deepfunneled/{person}/{change('José Ñandú_0001.jpg')}"
    for path in named:
        assert LFW().read_image(root, path).shape == (250, 250, 3)


def test_case_of_folders_and_lists_does_not_matter(tmp_path: Path) -> None:
    lfw(tmp_path)
    (tmp_path / "pairs.txt").rename(tmp_path / "Pairs.TXT")
    (tmp_path / "lfw-deepfunneled").rename(tmp_path / "LFW-DeepFunneled")
    table, pairs = LFW().manifest(tmp_path), LFW().pairs(tmp_path)
    assert table["path"].str.startswith("LFW-DeepFunneled/").all()
    assert pairs["second"].isin(table["path"]).all()


def test_what_is_not_read_is_counted(tmp_path: Path) -> None:
    home = lfw(tmp_path) / "lfw-deepfunneled"
    (home / "Bo/Bo_1.jpg").touch()
    (home / "Bo/Eve_0001.jpg").touch()
    (home / "Dan").mkdir()
    (home / "Dan/IMG_0001.jpg").touch()
    table = LFW().manifest(tmp_path)
    assert len(table) == 10
    assert table.attrs["warnings"] == [
        "LFW: left out 3 files or folders among the images that are not the dataset's: "
        "lfw-deepfunneled/Bo/Bo_1.jpg, lfw-deepfunneled/Bo/Eve_0001.jpg, "
        "lfw-deepfunneled/Dan/IMG_0001.jpg."
    ]


@pytest.mark.realdata
def test_official_counts_of_the_real_images() -> None:
    root = Path(os.environ.get("FACEBENCH_DATA", "")) / "lfw"
    if "FACEBENCH_DATA" not in os.environ or not root.is_dir():
        pytest.skip("no lfw below FACEBENCH_DATA")
    table, pairs = LFW().manifest(root), LFW().pairs(root)
    assert len(table) == LFW.info.counts["test"]
    assert table.attrs == {"warnings": []}
    assert table["subject"].nunique() == 5749
    assert len(pairs) == LFW.info.counts["pairs"]
    assert pairs.groupby("fold")["same"].agg(["size", "sum"]).values.tolist() == [[600, 300]] * 10
    subject = table.set_index("path")["subject"]
    people = [subject[pairs[side]].to_numpy() for side in ("first", "second")]
    np.testing.assert_array_equal(people[0] == people[1], pairs["same"])
    people_of = [
        set(subject[fold["first"]]) | set(subject[fold["second"]])
        for _, fold in pairs.groupby("fold")
    ]
    assert sum(map(len, people_of)) == len(set().union(*people_of)) == 4281
