"""No person in the pairs of two folds: a planted leak is caught, LFW has none."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facebench.data.dataset import open_dataset
from facebench.data.manifest import check_pairs
from facebench.errors import DataError
from facebench_tasks.lfw import LFW

PEOPLE = ("Ann", "Bo", "Cy", "Di", "Eve", "Flo")  # of three images each
FOLDS = """3\t1
Ann\t1\t2
Ann\t1\tBo\t1
Cy\t1\t2
Cy\t1\tDi\t1
Eve\t1\t2
Eve\t1\tFlo\t1
"""


def lfw(data: Path, pairs: str) -> Path:
    """Write a small LFW below ``data``."""
    for name in PEOPLE:
        home = data / "lfw/lfw-deepfunneled" / name
        home.mkdir(parents=True)
        for number in (1, 2, 3):
            image = Image.fromarray(np.zeros((250, 250, 3), dtype=np.uint8))
            image.save(home / f"{name}_{number:04d}.jpg")
    (data / "lfw/pairs.txt").write_text(pairs)
    return data


@pytest.mark.parametrize("other", ["Flo\t1", "Flo\t3"])
def test_folds_without_a_leak_pass(tmp_path: Path, other: str) -> None:
    data = lfw(tmp_path / "data", FOLDS.replace("Flo\t1", other))
    dataset = open_dataset(LFW(), data, tmp_path / "cache")
    assert dataset.pairs is not None
    assert len(dataset.pairs) == 6
    assert len(dataset.limit(2)) <= len(dataset)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # Another image of Ann, so that no image is in two folds.
        ("Flo\t1", "Ann\t3", r"found subject 'Ann' in folds 0 and 2 \(1 of 5 subjects"),
        ("Cy", "Bo", r"found subject 'Bo' in folds 0 and 1 \(1 of 5 subjects"),
        ("Eve\t1\tFlo", "Di\t2\tBo", r"found subject 'Bo' in folds 0 and 2 \(2 of 5"),
    ],
)
def test_a_planted_leak_is_caught(tmp_path: Path, old: str, new: str, message: str) -> None:
    data = lfw(tmp_path / "data", FOLDS.replace(old, new))
    with pytest.raises(DataError, match=f"LFW: folds of the pairs leak: {message}"):
        open_dataset(LFW(), data, tmp_path / "cache")


def test_images_that_name_no_subject_are_not_judged(tmp_path: Path) -> None:
    table = pd.DataFrame({"path": list("abcd"), "split": "test", "subject": ["x", None, "y", None]})
    pairs = pd.DataFrame(
        {"first": list("aacc"), "second": list("bbdd"), "same": [True, False] * 2,
         "fold": [0, 0, 1, 1]}
    )  # fmt: skip
    check_pairs(LFW.info, table, pairs)
    check_pairs(LFW.info, table.drop(columns="subject"), pairs.assign(first="a"))
    with pytest.raises(DataError, match="subject 'x' in folds 0 and 1"):
        check_pairs(LFW.info, table, pairs.assign(first="a"))


@pytest.mark.realdata
def test_the_real_folds_do_not_leak() -> None:
    root = Path(os.environ.get("FACEBENCH_DATA", "")) / "lfw"
    if "FACEBENCH_DATA" not in os.environ or not root.is_dir():
        pytest.skip("no lfw below FACEBENCH_DATA")
    task = LFW()
    table, pairs = task.manifest(root), task.pairs(root)
    check_pairs(task.info, table, pairs)
    swapped = pairs.copy()
    swapped.loc[0, "fold"], swapped.loc[600, "fold"] = 1, 0
    with pytest.raises(DataError, match="in folds 0 and 1"):
        check_pairs(task.info, table, swapped)
