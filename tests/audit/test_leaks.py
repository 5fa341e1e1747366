"""Planted leaks are found, all of them and nothing else."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_world import dataset_of, picture, save, squares
from facebench.audit.leak_search import find_leaks
from facebench.audit.leaks import Leaks, Twin
from facebench.data.dataset import Dataset
from facebench.progress import Silent
from facebench.runtime.images import Pixels


def search(dataset: Dataset) -> Leaks:
    return find_leaks(dataset, dataset.root / "cache", Silent())


def shifted(seed: int) -> Pixels:
    brighter: Pixels = np.clip(picture(seed).astype(int) + 3, 0, 255).astype(np.uint8)
    return brighter


def test_clean_data_leak_nothing(tmp_path: Path) -> None:
    leaks = search(dataset_of(tmp_path, squares(tmp_path, {"train": 12, "val": 4, "test": 6})))
    assert leaks.counts == (0, 0)
    assert leaks.warnings() == ()
    record = leaks.record()
    assert (record["tested"], record["exact"], record["near"]) == (6, 0, 0)
    assert record["subjects"] is None
    assert record["val"] == {"images": 4, "exact": 0, "near": 0, "test_in_val": 0}


def test_planted_twins_of_a_split_task(tmp_path: Path) -> None:
    table = squares(tmp_path, {"train": 12, "val": 4, "test": 6})
    save(tmp_path, "test/1.png", picture(5))  # train/5
    save(tmp_path, "test/2.png", shifted(7))  # train/7, nearly
    save(tmp_path, "val/0.png", picture(5))
    leaks = search(dataset_of(tmp_path, table))
    assert leaks.exact == (Twin("test/1.png", "train/5.png"),)
    assert [(twin.image, twin.twin) for twin in leaks.near] == [("test/2.png", "train/7.png")]
    assert leaks.val_exact == (Twin("val/0.png", "train/5.png"),)
    assert leaks.test_in_val == (Twin("test/1.png", "val/0.png"),)
    items = pd.DataFrame({"path": [f"test/{n}.png" for n in range(6)]})
    assert np.flatnonzero(leaks.leaked(items)).tolist() == [1]
    assert np.flatnonzero(leaks.leaked(items, near=True)).tolist() == [1, 2]
    assert leaks.warnings() == (
        "1 of 6 test images have a pixel-identical training image (16.7%)",
        "1 of 4 validation images have a pixel-identical training image (25.0%)",
        "1 of 6 test images have a pixel-identical validation image",
    )
    assert leaks.record()["exact_images"] == [["test/1.png", "train/5.png"]]


def test_validation_that_is_test(tmp_path: Path) -> None:
    table = squares(tmp_path, {"train": 6, "val": 3, "test": 3})
    for n in range(3):
        save(tmp_path, f"val/{n}.png", picture(9 + n))
    leaks = search(dataset_of(tmp_path, table))
    assert leaks.warnings() == ("validation is test: every test image is a validation image",)


def test_subjects_on_both_sides(tmp_path: Path) -> None:
    table = squares(tmp_path, {"train": 3, "test": 3})
    table = table.assign(subject=["ann", "bob", "cem", "cem", "dan", "dan"])
    leaks = search(dataset_of(tmp_path, table))
    assert leaks.subjects == ("cem",)
    assert leaks.warnings() == ("1 subjects are in training and test: cem",)


def test_unreadable_and_blank_images_have_no_near_twins(tmp_path: Path) -> None:
    table = squares(tmp_path, {"train": 3, "test": 3})
    for path, grey in (("train/0.png", 200), ("test/0.png", 90)):
        save(tmp_path, path, np.full((32, 32, 3), grey, np.uint8))
    for path in ("train/1.png", "test/1.png"):
        (tmp_path / path).write_bytes(b"")
    assert search(dataset_of(tmp_path, table)).counts == (0, 0)


def test_folds_are_compared_with_each_other(tmp_path: Path) -> None:
    table = squares(tmp_path, {"test": 9}).drop(columns="label")
    table = table.assign(fold=[0, 0, 0, 1, 1, 1, 2, 2, 2], subject=list("aabccdeff"), au=0)
    save(tmp_path, "test/1.png", picture(0))  # inside a fold: no leak
    save(tmp_path, "test/4.png", picture(6))
    save(tmp_path, "test/8.png", shifted(2))
    leaks = search(dataset_of(tmp_path, table, protocol="multilabel", targets=("au",)))
    assert {(twin.image, twin.twin) for twin in leaks.exact} == {
        ("test/4.png", "test/6.png"), ("test/6.png", "test/4.png"),
    }  # fmt: skip
    assert {twin.image for twin in leaks.near} == {"test/2.png", "test/8.png"}
    assert leaks.warnings() == (
        "2 of 9 test images have a pixel-identical one in another fold (22.2%)",
    )
    assert leaks.subjects == ()


def pair_world(root: Path) -> Dataset:
    table = squares(root, {"test": 12}).drop(columns="label")
    table["subject"] = [f"person {n // 2}" for n in range(12)]
    name = "test/{}.png".format
    rows = [
        (name(0), name(1), True, 0), (name(2), name(3), True, 0), (name(0), name(2), False, 0),
        (name(4), name(5), True, 1), (name(6), name(7), True, 1), (name(4), name(6), False, 1),
    ]  # fmt: skip
    pairs = pd.DataFrame(rows, columns=["first", "second", "same", "fold"])
    return dataset_of(root, table, pairs, protocol="verification")


def test_pairs_that_hold_one_image_or_one_of_another_fold(tmp_path: Path) -> None:
    clean = search(pair_world(tmp_path / "clean"))
    assert (clean.counts, clean.warnings(), clean.subjects) == ((0, 0), (), ())
    root = tmp_path / "planted"
    pair_world(root)
    save(root, "test/3.png", picture(2))  # pair 1 is an image with itself
    save(root, "test/7.png", picture(1))  # pairs 0 (fold 0) and 4 (fold 1)
    save(root, "test/5.png", shifted(4))  # pair 3 is nearly an image with itself
    save(root, "test/9.png", picture(0))  # in no pair
    dataset = pair_world_again(root)
    leaks = search(dataset)
    assert dataset.pairs is not None
    assert leaks.leaked(dataset.pairs).tolist() == [True, True, False, False, True, False]
    assert leaks.leaked(dataset.pairs, near=True).tolist() == [True, True, False, True, True, False]
    assert leaks.counts == (3, 1)
    assert leaks.record() | {"exact_images": 0, "near_images": 0} == {
        "between": "folds", "unit": "pair", "tested": 6, "exact": 3, "near": 1, "near_bits": 4,
        "exact_images": 0, "near_images": 0, "subjects": 0, "same_image_pairs": 1,
        "near_image_pairs": 1,
    }  # fmt: skip
    assert leaks.warnings() == (
        "3 of 6 test pairs hold an image of another fold, or one image twice (50.0%)",
    )


def pair_world_again(root: Path) -> Dataset:
    before = pair_world(root / "other")
    return dataset_of(root, before.table, before.pairs, protocol="verification")


def test_one_image_in_two_folds(tmp_path: Path) -> None:
    dataset = pair_world(tmp_path)
    assert dataset.pairs is not None
    pairs = dataset.pairs.assign(first=dataset.pairs["first"].where(dataset.pairs.index != 5,
                                                                    "test/0.png"))  # fmt: skip
    leaks = search(dataset_of(tmp_path, dataset.table, pairs, protocol="verification"))
    assert leaks.leaked(pairs).tolist() == [True, False, True, False, False, True]
    assert leaks.subjects == ("person 0",)


def test_leaks_are_remembered_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = squares(tmp_path, {"train": 6, "test": 4})
    save(tmp_path, "test/1.png", picture(5))
    dataset = dataset_of(tmp_path, table.assign(subject=list("abcdefaghi")))
    first = search(dataset)
    (kept,) = (tmp_path / "cache/leaks").iterdir()
    assert json.loads(kept.read_text())["format"] == 2
    monkeypatch.setattr("facebench.audit.leak_search.leaks_of", None)  # not called again
    assert search(dataset) == first
    kept.write_text("{}")
    monkeypatch.undo()
    assert search(dataset) == first
