"""The stand-ins: read by the same task as the real data, whole, and the same every time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from facebench.data.dataset import open_dataset
from facebench.progress import Silent
from facebench.synth import Face, FaceSampler
from facebench.task import Task
from facebench_tasks import _synthetic
from facebench_tasks._synthetic import class_labels
from facebench_tasks.fer2013 import FER2013
from facebench_tasks.lfw import LFW
from facebench_tasks.rafdb import RAFDB


@pytest.mark.parametrize(
    ("task", "side", "counts"),
    [
        (RAFDB, 100, {"train": 14, "test": 20}),
        (FER2013, 48, {"train": 28, "val": 14, "test": 14}),
        (LFW, 250, {"test": 60, "pairs": 40}),
    ],
)
def test_stand_in(stand_ins: Path, task: type[Task], side: int, counts: dict[str, int]) -> None:
    dataset = open_dataset(task(), None, stand_ins, scale=0.02)
    assert dataset.synthetic
    assert dataset.warnings == ()
    assert dataset.counts == counts
    for path in dataset.table["path"]:
        image = dataset.task.read_image(dataset.root, path)
        assert image.shape == (side, side, 3)
        assert image.std() > 5  # not blank
    if task is FER2013:
        assert (image == image[..., :1]).all()


@pytest.mark.parametrize("task", [RAFDB, FER2013, LFW])
def test_stand_in_is_reproducible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: type[Task]
) -> None:
    """The same faces in the same places; that equal faces have equal pixels is tested there."""
    faces: dict[Path, Face] = {}

    def collect(items: Iterable[tuple[Path, Face]], size: int, **settings: object) -> None:
        faces.update(items)

    monkeypatch.setattr(_synthetic, "write_images", collect)
    contents = []
    for folder in ("a", "b"):
        root = tmp_path / folder
        root.mkdir()
        faces.clear()
        task().synthesise(root, FaceSampler(7), Silent(), 0.001)
        texts = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        everything = {**faces, **texts}
        assert faces
        contents.append({path.relative_to(root): what for path, what in everything.items()})
    assert contents[0] == contents[1]


def test_classes_are_balanced() -> None:
    assert np.bincount(class_labels(7, 1400)).tolist() == [200] * 7
    counts = np.bincount(class_labels(7, 600))
    assert counts.sum() == 600
    assert counts.max() - counts.min() == 1
    assert np.bincount(class_labels(7, 3)).tolist() == [2] * 7


def test_no_person_is_in_two_folds(stand_ins: Path) -> None:
    dataset = open_dataset(LFW(), None, stand_ins, scale=0.02)
    pairs = dataset.pairs
    assert pairs is not None
    assert pairs.groupby("fold")["same"].agg(["size", "sum"]).to_numpy().tolist() == [[4, 2]] * 10
    subject = dataset.table.set_index("path")["subject"]
    first, second = (subject[pairs[side]].to_numpy() for side in ("first", "second"))
    np.testing.assert_array_equal(first == second, pairs["same"])
    people = [
        set(first[fold]) | set(second[fold]) for fold in pairs.groupby("fold").indices.values()
    ]
    assert sum(map(len, people)) == len(set().union(*people))
    assert not pairs[["first", "second"]].duplicated().any()
