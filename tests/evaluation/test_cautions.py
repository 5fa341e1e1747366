"""Numbers that say little are marked: odd classes, few items, constant and unstable features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_tasks import Tiny

from facebench.data.dataset import Dataset, open_dataset
from facebench.errors import StageError
from facebench.evaluation.cautions import cautions
from facebench.evaluation.repeatable import check_repeatable
from facebench.evaluation.store import Features


def judged(dataset: Dataset, values: np.ndarray | None = None) -> str:
    """Return the cautions of a dataset, with random features unless others are given."""
    if values is None:
        values = np.random.default_rng(0).normal(size=(len(dataset), 5)).astype(np.float16)
    return " ".join(cautions(dataset, Features(values, (), 0.0)))


def test_items_that_a_score_says_little_of(tiny_faces: Path, tmp_path: Path) -> None:
    dataset = open_dataset(Tiny(), tiny_faces.parent, tmp_path / "cache")
    table = dataset.table
    train, test = (table["split"] == part for part in ("train", "test"))
    assert "class" not in judged(dataset)

    def of(keep: Any) -> Dataset:
        kept = keep.to_numpy()
        digests = tuple(d for d, k in zip(dataset.digests, kept, strict=True) if k)
        return replace(dataset, table=table[keep].reset_index(drop=True), digests=digests)

    names = Tiny.info.classes
    assert f"of classes that training lacks: {names[0]}" in judged(
        of(~(train & (table["label"] == 0)))
    )
    alone = train & (table["label"] == 0) & (table[train]["label"] == 0).cumsum().ne(1)
    assert f"training has one image alone of {names[0]}" in judged(of(~alone))
    assert "all training images are of one class" in judged(of(test | (table["label"] == 0)))
    one = test & (test.cumsum() == 1)
    assert "the score is of 1 test image alone" in judged(of(train | one))


def test_constant_features(tiny_faces: Path, tmp_path: Path) -> None:
    dataset = open_dataset(Tiny(), tiny_faces.parent, tmp_path / "cache")
    same = np.tile(np.array([3, 0, -0.1], dtype=np.float16), (len(dataset), 1))
    assert "the same for every image" in judged(dataset, same)
    same[-1, 2] = 0.1
    assert "the same for every image" not in judged(dataset, same)


def with_batch_norm(training: bool) -> Callable[[np.ndarray], torch.Tensor]:
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(48, 8), torch.nn.BatchNorm1d(8)
    )
    layers.train(training)

    def compute(images: np.ndarray) -> torch.Tensor:
        with torch.no_grad():
            features: torch.Tensor = layers(torch.from_numpy(images).float() / 255)
        return features

    return compute


@pytest.mark.parametrize("count", [2, 7])
def test_features_that_depend_on_their_batch(count: int) -> None:
    images = np.random.default_rng(0).integers(0, 255, (count, 4, 4, 3), dtype=np.uint8)
    words: Any = {"precision": "32", "where": "method m, feature f_s"}
    frozen, moving = with_batch_norm(training=False), with_batch_norm(training=True)
    check_repeatable(frozen, images, frozen(images), **words)
    before = moving(images)
    with pytest.raises(StageError, match=r"method m, feature f_s: found features that differ by"):
        check_repeatable(moving, images, before, **words)
    noise = torch.Generator().manual_seed(1)

    def noisy(batch: np.ndarray) -> torch.Tensor:
        return frozen(batch) + torch.randn(len(batch), 8, generator=noise)

    before = noisy(images)
    with pytest.raises(StageError, match="random numbers"):
        check_repeatable(noisy, images, before, **words)
