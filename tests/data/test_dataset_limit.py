"""Taking some of a dataset's images: every class, every fold, the same ones again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_tasks import Pairs, Tiny, opened, write_pairs

from facebench.data.dataset import Dataset, open_dataset
from facebench.errors import DataError


def test_limit_takes_every_class_and_is_deterministic(tiny_faces: Path) -> None:
    dataset = opened(tiny_faces)
    small = dataset.limit(4)
    assert small.counts == {"train": 4, "test": 4}
    assert small.table.groupby("split")["label"].nunique().tolist() == [3, 3]
    assert small.table.index.tolist() == list(range(8))
    assert small.fingerprint == opened(tiny_faces).limit(4).fingerprint != dataset.fingerprint
    assert small.warnings == ("limited to 4 images per split",)
    by_path = dict(zip(dataset.table["path"], dataset.digests, strict=True))
    assert [by_path[path] for path in small.table["path"]] == list(small.digests)
    np.testing.assert_array_equal(
        small.image(2, 8), np.asarray(Image.open(tiny_faces / small.table["path"].iloc[2]))
    )


def test_limit_is_proportional(tiny_faces: Path) -> None:
    counts = (300, 90, 10)
    table = pd.DataFrame(
        {
            "path": [f"{i}" for i in range(400)],
            "split": "train",
            "label": np.repeat([0, 1, 2], counts),
        }
    )
    dataset = Dataset(Tiny(), tiny_faces, False, table, None, tuple("0" * 400))
    found = np.bincount(dataset.limit(40).table["label"])
    assert np.abs(found - np.array(counts) / 10).max() <= 1
    assert np.bincount(dataset.limit(3).table["label"]).tolist() == [1, 1, 1]


def test_limit_beyond_the_end_is_the_whole(tiny_faces: Path) -> None:
    dataset = opened(tiny_faces)
    assert dataset.limit(12) is dataset
    with pytest.raises(DataError, match="found 0; expected at least 1"):
        dataset.limit(0)


def test_limit_balances_pairs_in_each_fold(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    write_pairs(tmp_path / "tiny")
    dataset = open_dataset(Pairs(), tmp_path, tmp_path / "cache")
    assert dataset.counts == {"test": 12, "pairs": 24}
    small = dataset.limit(8)
    assert small.pairs is not None
    assert small.pairs.groupby(["fold", "same"]).size().tolist() == [2, 2, 2, 2]
    named = set(small.pairs["first"]) | set(small.pairs["second"])
    assert set(small.table["path"]) == named
    assert small.fingerprint != dataset.fingerprint
    assert dataset.limit(1).counts["pairs"] == 4
    assert dataset.limit(1000) is dataset
