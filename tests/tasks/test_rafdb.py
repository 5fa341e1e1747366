"""RAF-DB: two layouts, one table; and every way in which a folder can be wrong."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facebench.errors import DataError
from facebench_tasks.rafdb import RAFDB, read_csv_list, read_list

ROWS = [("train_00001", 5), ("train_00002", 1), ("train_00010", 7), ("test_0001", 3)]


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((10, 10, 3), dtype=np.uint8)).save(path)


def official(root: Path, rows: list[tuple[str, int]] = ROWS) -> Path:
    (root / "EmoLabel").mkdir(parents=True)
    text = "\n".join(f"{stem}.jpg {label}" for stem, label in rows)
    (root / "EmoLabel/list_patition_label.txt").write_text(text)
    for stem, _ in rows:
        image(root / f"Image/aligned/{stem}_aligned.jpg")
    return root


def kaggle(root: Path, *, lists: bool = True) -> Path:
    root.mkdir(exist_ok=True)
    for split in ("train", "test"):
        mine = [row for row in ROWS if row[0].startswith(split)]
        for label in range(1, 8):
            (root / f"DATASET/{split}/{label}").mkdir(parents=True)
        for stem, label in mine:
            image(root / f"DATASET/{split}/{label}/{stem}_aligned.jpg")
        if lists:
            text = "".join(f"{stem}_aligned.jpg,{label}\r\n" for stem, label in mine)
            (root / f"{split}_labels.csv").write_text("image,label\r\n" + text)
    return root


def labels(root: Path) -> list[tuple[str, str, int]]:
    table = RAFDB().manifest(root)
    for path in table["path"]:
        assert RAFDB().read_image(root, path).shape == (10, 10, 3)
    stems = [Path(path).stem.removesuffix("_aligned") for path in table["path"]]
    return list(zip(stems, table["split"], table["label"].tolist(), strict=True))


def test_official_layout(tmp_path: Path) -> None:
    assert labels(official(tmp_path)) == [
        ("train_00001", "train", 4),
        ("train_00002", "train", 0),
        ("train_00010", "train", 6),
        ("test_0001", "test", 2),
    ]


def test_all_layouts_give_the_same_rows(tmp_path: Path) -> None:
    expected = labels(official(tmp_path / "a"))
    official(tmp_path / "b/basic")
    assert labels(tmp_path / "b") == expected
    assert labels(kaggle(tmp_path / "c")) == expected
    assert labels(kaggle(tmp_path / "d", lists=False)) == expected


def test_the_order_of_the_list_does_not_matter(tmp_path: Path) -> None:
    shuffled = random.Random(0).sample(ROWS, len(ROWS))
    assert labels(official(tmp_path / "a", shuffled)) == labels(official(tmp_path / "b"))


def test_wrong_folder_shows_layout_and_source(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(DataError, match=r"(?s)It holds holiday\.jpg; expected.*EmoLabel.*whdeng"):
        RAFDB().manifest(tmp_path)
    with pytest.raises(DataError, match="there is no such folder"):
        RAFDB().manifest(tmp_path / "nowhere")


def test_missing_images_are_counted(tmp_path: Path) -> None:
    official(tmp_path)
    (tmp_path / "Image/aligned/train_00002_aligned.jpg").unlink()
    with pytest.raises(
        DataError, match=r"1 of 4 images listed in EmoLabel.* missing.*train_00002_aligned"
    ):
        RAFDB().manifest(tmp_path)


def test_missing_class_folder(tmp_path: Path) -> None:
    kaggle(tmp_path, lists=False)
    (tmp_path / "DATASET/test/7").rmdir()
    with pytest.raises(DataError, match="7 is missing"):
        RAFDB().manifest(tmp_path)


def test_one_label_file_of_two(tmp_path: Path) -> None:
    kaggle(tmp_path)
    (tmp_path / "test_labels.csv").unlink()
    with pytest.raises(DataError, match=r"only train_labels\.csv is there"):
        RAFDB().manifest(tmp_path)


@pytest.mark.parametrize(
    "line", ["train_0001.jpg 6", "train_00001.jpg 8", "train_00003.jpg 11", "test_0003.jpg 9"]
)
def test_compound_subset_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(line)
    with pytest.raises(DataError, match=r"list\.txt:1: found RAF-DB's compound subset"):
        read_list(path)


@pytest.mark.parametrize(
    "line",
    [
        "train_00001.jpg",
        "train_00001.jpg 0",
        "train_00001.jpg -1",
        "train_00001.jpg 12",
        "train_00001.jpg 1.5",
        "train_00001.jpg ٣",
        "train_00001.jpg happy",
        "train_00001.jpg 1 2",
        "../train_00001.jpg 1",
        "val_00001.jpg 1",
        "train_00001.png 1",
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"train_00009.jpg 1\n\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"list\.txt:3: found .*; expected .*label from 1 to 7"):
        read_list(path)


def test_doubled_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("train_00001.jpg 1\ntrain_00001.jpg 2\n")
    with pytest.raises(DataError, match=r"list\.txt:2: found 'train_00001\.jpg'"):
        read_list(path)


def test_empty_list_and_no_text(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\n\n")
    with pytest.raises(DataError, match="found no labels"):
        read_list(path)
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(DataError, match="not a text file"):
        read_list(path)


def test_csv_without_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("train_00001_aligned.jpg,5\ntrain_00002_aligned.jpg,1\n")
    assert [row.label for row in read_csv_list(path)] == [4, 0]


def test_images_of_the_other_split_in_a_csv(tmp_path: Path) -> None:
    kaggle(tmp_path)
    (tmp_path / "train_labels.csv").write_text("image,label\ntest_0001_aligned.jpg,3\n")
    with pytest.raises(DataError, match=r"labels\.csv:2: found 'test_0001.*the split train"):
        RAFDB().manifest(tmp_path)


def test_image_in_two_class_folders(tmp_path: Path) -> None:
    kaggle(tmp_path, lists=False)
    image(tmp_path / "DATASET/train/3/train_00001_aligned.jpg")
    with pytest.raises(DataError, match=r"train_00001 is in .*train/3/train_00001.*train/5/"):
        RAFDB().manifest(tmp_path)


def test_case_of_names_does_not_matter(tmp_path: Path) -> None:
    """As unpacked by a system that ignores case, or renamed by a user."""
    expected = labels(official(tmp_path / "a"))
    root = official(tmp_path / "b/Basic")
    (root / "Image/aligned").rename(root / "Image/ALIGNED")
    (root / "Image").rename(root / "image")
    (root / "EmoLabel/list_patition_label.txt").rename(root / "EmoLabel/List_Patition_Label.TXT")
    (root / "EmoLabel").rename(root / "emolabel")
    for path in list((root / "image/ALIGNED").iterdir()):
        path.rename(path.with_suffix(".JPG"))
    found = labels(tmp_path / "b")
    assert found == expected
    assert RAFDB().manifest(tmp_path / "b")["path"].iloc[0] == (
        "Basic/image/ALIGNED/train_00001_aligned.JPG"
    )


@pytest.mark.parametrize("lists", [True, False])
def test_case_of_names_in_the_kaggle_copy(tmp_path: Path, lists: bool) -> None:
    expected = labels(kaggle(tmp_path / "a"))
    root = kaggle(tmp_path / "b", lists=lists)
    (root / "DATASET/train").rename(root / "DATASET/Train")
    (root / "DATASET").rename(root / "Dataset")
    for path in list(root.rglob("*.jpg")):
        path.rename(path.with_suffix(".JPG"))
    if lists:
        (root / "train_labels.csv").rename(root / "Train_Labels.csv")
    assert labels(root) == expected


def test_what_no_list_names_is_counted(tmp_path: Path) -> None:
    root = official(tmp_path / "a")
    assert RAFDB().manifest(root).attrs == {"warnings": []}
    image(root / "Image/aligned/train_00003_aligned.jpg")
    image(root / "Image/aligned/.hidden.jpg")
    assert RAFDB().manifest(root).attrs["warnings"] == [
        "RAF-DB: left out 1 files or folders among the images that are not the dataset's: "
        "Image/aligned/train_00003_aligned.jpg."
    ]
    root = kaggle(tmp_path / "b", lists=False)
    for path in ("train/1/test_0002_aligned.jpg", "test/2/face.jpg", "train/8/a.jpg"):
        image(root / "DATASET" / path)
    (warning,) = RAFDB().manifest(root).attrs["warnings"]
    for part in ("out 3 ", "train/1/test_0002_aligned.jpg", "test/2/face.jpg", "train/8/a.jpg"):
        assert part in warning


def test_the_real_official_list() -> None:
    folder = os.environ.get("FACEBENCH_LABELS")
    if folder is None:
        pytest.skip("FACEBENCH_LABELS names no folder with rafdb_list_patition_label.txt")
    rows = read_list(Path(folder) / "rafdb_list_patition_label.txt")
    for split, counts in (
        ("train", [1290, 281, 717, 4772, 1982, 705, 2524]),
        ("test", [329, 74, 160, 1185, 478, 162, 680]),
    ):
        found = [row.label for row in rows if row.split == split]
        assert np.bincount(found).tolist() == counts
        assert len(found) == RAFDB.info.counts[split]
