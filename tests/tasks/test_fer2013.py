"""FER-2013: CSV and folders of the same images, the two test sets, and malformed input."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facebench.data.dataset import Dataset, open_dataset
from facebench.errors import DataError, SpecError
from facebench_tasks.fer2013 import FER2013, FER2013Options

RNG = np.random.default_rng(0)
USAGES = ("Training", "PublicTest", "PrivateTest")
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # the CSV's order
ROWS = [(label, usage) for usage in USAGES for label in range(7)]
PIXELS = RNG.integers(0, 256, (len(ROWS), 48, 48), dtype=np.uint8)


def csv(root: Path, name: str = "fer2013.csv", end: str = "\n") -> Path:
    root.mkdir(exist_ok=True)
    spaced = name == "icml_face_data.csv"
    lines = ["emotion, Usage, pixels" if spaced else "emotion,pixels,Usage"]
    for (label, usage), image in zip(ROWS, PIXELS, strict=True):
        pixels = " ".join(map(str, image.ravel()))
        lines.append(f"{label},{usage},{pixels}" if spaced else f"{label},{pixels},{usage}")
    (root / name).write_bytes((end.join(lines) + end).encode())
    return root


def tree(root: Path) -> Path:
    for index, ((label, usage), image) in enumerate(zip(ROWS, PIXELS, strict=True)):
        part = "train" if usage == "Training" else "test"
        folder = root / part / EMOTIONS[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{usage}_{index:04d}.png")
    return root


def content(root: Path, task: FER2013 | None = None) -> set[tuple[str, int, bytes]]:
    task = task or FER2013()
    table = task.manifest(root)
    rows = zip(table["split"], table["label"].tolist(), table["path"], strict=True)
    return {(split, label, task.read_image(root, path).tobytes()) for split, label, path in rows}


def test_every_form_gives_the_same_images_and_labels(tmp_path: Path) -> None:
    expected = {
        (split, label, np.repeat(image[..., None], 3, axis=2).tobytes())
        for (label, usage), image in zip(ROWS, PIXELS, strict=True)
        for split in [{"Training": "train", "PublicTest": "val", "PrivateTest": "test"}[usage]]
    }
    assert content(csv(tmp_path / "a")) == expected
    assert content(csv(tmp_path / "b", "icml_face_data.csv")) == expected
    assert content(csv(tmp_path / "c", end="\r\n")) == expected
    assert content(csv(tmp_path / "d", end="\n\n")) == expected
    assert content(tree(tmp_path / "e")) == expected
    tree(tmp_path / "f/fer2013")
    assert content(tmp_path / "f") == expected


def test_public_and_private_are_exchanged(tmp_path: Path) -> None:
    table = FER2013().manifest(tree(tmp_path))
    other = FER2013(FER2013Options(test="public")).manifest(tmp_path)
    exchanged = table["split"].replace({"val": "test", "test": "val"})
    pd.testing.assert_series_equal(other["split"], exchanged)
    assert table.loc[table["split"] == "test", "path"].str.contains("PrivateTest").all()


def test_unknown_test_set() -> None:
    with pytest.raises(SpecError, match="is 'both'; expected one of private, public"):
        FER2013Options(test="both")  # type: ignore[arg-type]


def test_labels_do_not_follow_the_alphabet(tmp_path: Path) -> None:
    table = FER2013().manifest(tree(tmp_path))
    neutral = table.loc[table["path"].str.contains("/neutral/"), "label"]
    assert set(neutral) == {6}
    assert tuple(name.lower() for name in FER2013.info.classes) == EMOTIONS


def test_wrong_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)neither fer2013\.csv nor.*msambare/fer2013.*Kaggle"):
        FER2013().manifest(tmp_path)
    (tmp_path / "train.csv").touch()
    with pytest.raises(DataError, match="test rows have no labels"):
        FER2013().manifest(tmp_path)


def test_wrong_class_folders(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "test/neutral").rename(tmp_path / "test/contempt")
    with pytest.raises(DataError, match=r"angry, contempt.* instead of angry"):
        FER2013().manifest(tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        "test/angry/im0.png",
        "test/angry/PrivateTest_1 (1).png",  # a copy of a copy
        "test/angry/PrivateTest.png",
        "test/angry/Training_1.png",
        "train/fear/PublicTest_1.png",
    ],
)
def test_names_whose_usage_does_not_fit(tmp_path: Path, path: str) -> None:
    tree(tmp_path)
    Image.fromarray(PIXELS[0]).save(tmp_path / path)
    (tmp_path / "test/fear/second.jpg").touch()
    with pytest.raises(DataError, match=r"no usage .* 2 of 23 images below") as caught:
        FER2013().manifest(tmp_path)
    assert path in str(caught.value)


def test_case_of_names_does_not_matter(tmp_path: Path) -> None:
    expected = content(tree(tmp_path / "a"))
    root = tree(tmp_path / "b/Fer2013")
    for path in list(root.glob("*/*/*")):
        path.rename(path.with_name(path.stem.lower() + ".PNG"))
    for path in list(root.glob("*/*")):
        path.rename(path.with_name(path.name.title()))
    for path in list(root.glob("*")):
        path.rename(path.with_name(path.name.upper()))
    assert content(tmp_path / "b") == expected
    assert (tmp_path / "b" / FER2013().manifest(tmp_path / "b")["path"].iloc[0]).is_file()
    csv(tmp_path / "c").joinpath("fer2013.csv").rename(tmp_path / "c/FER2013.CSV")
    assert content(tmp_path / "c") == expected


def test_two_spellings_of_a_folder_are_refused(tmp_path: Path) -> None:
    tree(tmp_path)
    if (tmp_path / "Train").exists():
        pytest.skip("this file system does not tell upper from lower case")
    (tmp_path / "Train").mkdir()
    with pytest.raises(DataError, match="found Train and train, which differ only in case"):
        FER2013().manifest(tmp_path)
    (tmp_path / "Train").rmdir()
    (tmp_path / "train/Angry").mkdir()
    with pytest.raises(DataError, match=r"found .*/Angry and .*/angry, both of the class Angry"):
        FER2013().manifest(tmp_path)


def test_what_is_no_image_is_counted(tmp_path: Path) -> None:
    tree(tmp_path)
    assert FER2013().manifest(tmp_path).attrs == {"warnings": []}
    for name in ("train/cover.png", "test/fear/PublicTest_1.png.part", "test/fear/notes.txt"):
        (tmp_path / name).touch()
    assert FER2013().manifest(tmp_path).attrs["warnings"] == [
        "FER-2013: left out 2 files or folders among the images that are not the dataset's: "
        "train/cover.png, test/fear/PublicTest_1.png.part."
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("7,1 2 3,Training", "an emotion from 0 to 6"),
        ("happy,1 2 3,Training", "an emotion from 0 to 6"),
        ("-1,1 2 3,Training", "an emotion from 0 to 6"),
        ("1,1 2 3,Testing", "a usage of Training, PublicTest, PrivateTest"),
        ("1,1 2 3", "emotion, pixels and Usage"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "fer2013.csv").write_text(f"emotion,pixels,Usage\n0,1,Training\n\n{line}\n")
    with pytest.raises(DataError, match=rf"fer2013\.csv:4: found .*; expected {expected}"):
        FER2013().manifest(tmp_path)


@pytest.mark.parametrize("heading", ["", "emotion,pixels", "label,pixels,Usage"])
def test_bad_heading(tmp_path: Path, heading: str) -> None:
    (tmp_path / "fer2013.csv").write_text(f"{heading}\n0,1,Training\n")
    with pytest.raises(DataError, match=r"fer2013\.csv:1: .*the heading emotion,pixels,Usage"):
        FER2013().manifest(tmp_path)


def test_heading_without_rows(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_text("\ufeffemotion,pixels,Usage\n")
    with pytest.raises(DataError, match="found a heading and no rows"):
        FER2013().manifest(tmp_path)


@pytest.mark.parametrize("pixels", ["1 2 3", "256 " * 2304, "x " * 2304, "-1 " * 2304, ""])
def test_bad_pixels_are_named(tmp_path: Path, pixels: str) -> None:
    (tmp_path / "fer2013.csv").write_text(f"emotion,pixels,Usage\n\n0,{pixels},Training\n")
    with pytest.raises(DataError, match=r"fer2013\.csv:3: found no 2,304 pixel values in row 0"):
        FER2013().read_image(tmp_path, "fer2013.csv#0")


def test_another_csv_in_its_place_is_read_anew(tmp_path: Path) -> None:
    file = csv(tmp_path) / "fer2013.csv"
    expected = content(tmp_path)
    spaced = csv(tmp_path / "other", "icml_face_data.csv") / "icml_face_data.csv"
    spaced.replace(file)  # the same name, with the columns in another order
    assert content(tmp_path) == expected


def test_row_beyond_the_end(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found 21 rows; expected a row 21"):
        FER2013().read_image(csv(tmp_path), "fer2013.csv#21")


def test_fingerprint_of_the_csv_follows_its_pixels(tmp_path: Path) -> None:
    def opened() -> Dataset:
        return open_dataset(FER2013(), tmp_path, tmp_path / "cache")

    file = csv(tmp_path / "fer2013") / "fer2013.csv"
    before = opened()
    assert before.counts == {"train": 7, "val": 7, "test": 7}
    np.testing.assert_array_equal(before.image(9, 48)[..., 1], PIXELS[9])
    old = " ".join(map(str, PIXELS[9].ravel()))
    new = " ".join(map(str, PIXELS[9].ravel()[::-1]))
    file.write_text(file.read_text().replace(old, new))
    assert opened().fingerprint != before.fingerprint


@pytest.mark.realdata
def test_official_counts_of_the_real_images() -> None:
    root = Path(os.environ.get("FACEBENCH_DATA", "")) / "fer2013"
    if "FACEBENCH_DATA" not in os.environ or not root.is_dir():
        pytest.skip("no fer2013 below FACEBENCH_DATA")
    table = FER2013().manifest(root)
    assert table["split"].value_counts().to_dict() == FER2013.info.counts
    for split, counts in (
        ("train", [3995, 436, 4097, 7215, 4830, 3171, 4965]),
        ("val", [467, 56, 496, 895, 653, 415, 607]),
        ("test", [491, 55, 528, 879, 594, 416, 626]),
    ):
        assert np.bincount(table.loc[table["split"] == split, "label"]).tolist() == counts
    assert FER2013().read_image(root, table["path"].iloc[0]).shape == (48, 48, 3)
