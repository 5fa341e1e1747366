"""Too few items are found before anything is learned, with the words of the probe."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluation.protocol import check_items, judge
from facebench.evaluation.store import Features
from facebench.progress import Silent

SPEC = ProbeSpec(epochs=1, lrs=(1e-2,), weight_decays=(0.0,), resamples=100)
FEW_SHOT = ProbeSpec(kind="fewshot", shots=(4.0,), resamples=100)
LEARNED = ProbeSpec(verification="learned", pair_epochs=1, resamples=100)


def dataset(protocol: str, columns: Mapping[str, Any], pairs: Any = None) -> Dataset:
    table = pd.DataFrame(columns)
    table["path"] = [f"{n}.png" for n in range(len(table))]
    info = SimpleNamespace(
        title="Few", protocol=protocol, classes=("a", "b", "c"), targets=("x", "y")
    )
    task: Any = SimpleNamespace(info=info)
    return Dataset(task, Path(), False, table, pairs, tuple(table["path"]))


def classes(train: list[int], test: list[int]) -> Dataset:
    split = ["train"] * len(train) + ["test"] * len(test)
    return dataset("classification", {"split": split, "label": [*train, *test]})


def numbers(train: int, test: int) -> Dataset:
    values = np.linspace(0, 1, train + test)
    split = ["train"] * train + ["test"] * test
    return dataset("regression", {"split": split, "x": values, "y": -values})


def labels(folds: list[int], subjects: list[str]) -> Dataset:
    shown = [n % 2 for n in range(len(folds))]
    rows = {"split": "test", "fold": folds, "subject": subjects, "x": shown, "y": shown}
    return dataset("multilabel", rows)


def pairs(folds: list[int], same: list[bool]) -> Dataset:
    names = [f"{n}.png" for n in range(2 * len(folds))]
    table = {"first": names[::2], "second": names[1::2], "same": same, "fold": folds}
    return dataset("verification", {"split": ["test"] * len(names)}, pd.DataFrame(table))


BOTH = [True, False]
FEW = {
    "one image of each split": (classes([0], [0]), SPEC),
    "no test image": (classes([0, 1] * 20, []), SPEC),
    "one image of a class": (classes([0, 1] * 20 + [2], [0]), SPEC),
    "few labels of a class": (classes([0] * 9 + [1] * 3, [0, 1]), FEW_SHOT),
    "one number": (numbers(1, 1), SPEC),
    "two numbers": (numbers(2, 2), SPEC),
    "one number to test on": (numbers(20, 1), SPEC),
    "one fold": (labels([0, 0], ["p", "q"]), SPEC),
    "one training subject": (labels([0, 0, 1, 1], ["p", "p", "q", "q"]), SPEC),
    "pairs in one fold": (pairs([0, 0], BOTH), SPEC),
    "pairs of one kind": (pairs([0, 1], [True, True]), SPEC),
    "two folds to learn from": (pairs([0, 0, 1, 1], BOTH * 2), LEARNED),
}
ENOUGH = {
    "classes": (classes([0, 1] * 20, [0, 1]), SPEC),
    "numbers": (numbers(20, 2), SPEC),
    "labels": (labels([0, 0, 1, 1], ["p", "q", "r", "s"]), SPEC),
    "pairs": (pairs([0, 0, 1, 1], BOTH * 2), SPEC),
    "pairs to learn from": (pairs([0, 0, 1, 1, 2, 2], BOTH * 3), LEARNED),
}


def features(of: Dataset) -> Features:
    values = np.random.default_rng(0).normal(size=(len(of), 4)).astype(np.float32)
    return Features(values, (), 0.0)


@pytest.mark.parametrize("name", FEW)
def test_too_few_items_are_found_without_features(name: str) -> None:
    few, spec = FEW[name]
    with pytest.raises(DataError) as early:
        check_items(few, spec, seed=0)
    with pytest.raises(DataError) as late:
        judge(few, features(few), spec, seed=0, progress=Silent())
    assert str(early.value) == str(late.value)


@pytest.mark.parametrize("name", ENOUGH)
def test_what_can_be_judged_passes(name: str) -> None:
    enough, spec = ENOUGH[name]
    check_items(enough, spec, seed=0)
    judge(enough, features(enough), spec, seed=0, progress=Silent())
