"""Labels that are learned from are never those of a test, nor those that choose a probe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny_tasks import Tiny, tiny_info

from facebench.audit.label_rows import labelled, refuse_test_labels
from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.data.sources import Source, task_source
from facebench.errors import DataError, SpecError
from facebench.evaluation.holdout import hold_out, split_rows
from facebench.method import MethodInfo
from facebench.runtime.images import Pixels
from facebench.targets import TargetForm

LABELS = MethodInfo(name="mine", title="Mine", version=1, paper="-", year=2026, needs="labels")
PEOPLE = replace(LABELS, needs="identities")
SHARE = ProbeSpec().holdout


def dataset(protocol: str, table: pd.DataFrame, pairs: Any = None, **changes: Any) -> Dataset:
    cls = type("Mine", (Tiny,), {"info": tiny_info(protocol, **changes)})
    digests = tuple(f"{n:064x}" for n in range(len(table)))
    return Dataset(cls(), Path("/nowhere"), True, table, pairs, digests)


def faces(train: int = 40, test: int = 10, val: int = 0) -> pd.DataFrame:
    splits = ["train"] * train + ["val"] * val + ["test"] * test
    rows = [(f"{n}.png", split, n % 3) for n, split in enumerate(splits)]
    return pd.DataFrame(rows, columns=["path", "split", "label"])


def learn(learned: Dataset, judged: Dataset, method: MethodInfo = LABELS, seed: int = 0) -> Source:
    source = task_source(learned, labelled=True)
    return labelled(source, learned, judged, method, holdout=SHARE, seed=seed)


@pytest.mark.parametrize("seed", [0, 1])
def test_neither_test_rows_nor_those_that_choose_the_probe_are_learned(seed: int) -> None:
    data = dataset("classification", faces())
    found = learn(data, data, seed=seed)
    rows = split_rows(data, np.ones(len(data), bool))
    labels = data.table["label"].to_numpy(np.int64)
    parts = hold_out(data.table, rows, SHARE, seed, kinds=labels)  # as the probe calls it
    assert sorted(found.frames["path"]) == sorted(data.table["path"].iloc[parts.fit])
    assert found.targets is not None
    truth = data.table.set_index("path")["label"]
    assert found.targets.values.tolist() == truth[found.frames["path"]].tolist()
    assert "4 training images are left out" in " ".join(found.warnings)
    assert "learned from the classes of 36 training images of tiny" in found.warnings


def test_a_validation_split_is_never_learned_and_leaves_all_of_train() -> None:
    data = dataset("classification", faces(val=12))
    assert len(learn(data, data)) == 40


def test_another_task_may_learn_from_all_training_rows() -> None:
    data = dataset("classification", faces())
    other = dataset("classification", faces(), name="other")
    assert len(learn(data, other)) == 40


def test_labels_decide_what_is_learned_and_images_what_is_packed() -> None:
    data = dataset("classification", faces(val=6))
    found, plain = learn(data, data), task_source(data)
    assert found.fingerprint == plain.fingerprint
    assert plain.targets is None
    turned = dataset("classification", faces(val=6).assign(label=lambda t: 2 - t["label"]))
    other = learn(turned, turned)
    assert found.targets is not None
    assert other.targets is not None
    assert other.targets.fingerprint != found.targets.fingerprint


def folded() -> Dataset:
    rows = [(f"{n}.png", "test", n % 2, 1 - n % 2, n % 3, f"p{n % 6}") for n in range(24)]
    columns = ["path", "split", "AU1", "AU2", "fold", "subject"]
    table = pd.DataFrame(rows, columns=columns)
    return dataset("multilabel", table, name="units", targets=("AU1", "AU2"))


def test_labels_of_a_task_whose_images_are_all_tested_serve_other_tasks_only() -> None:
    units = folded()
    for method in (LABELS, PEOPLE):
        with pytest.raises(SpecError, match=r"tested in one of its folds.*Give --pretrain-data"):
            learn(units, units, method)
    with pytest.raises(SpecError, match="tested in one of its folds"):
        refuse_test_labels("units", units, "mine")  # a checkpoint that is handed in
    found = learn(units, dataset("classification", faces()))
    assert found.targets is not None
    assert found.targets.form == TargetForm(
        kind="labels", outputs=2, images=24, names=("AU1", "AU2"), counts=(12, 12)
    )


def people() -> Dataset:
    """Four people of three images each, of whom two are in the pairs."""
    names = ["Ann_Lee", "Bo_Sæ", "Cy_Day", "Di_Fox"]
    rows = [(f"{who}/{n}.png", "test", who) for who in names for n in range(3)]
    table = pd.DataFrame(rows, columns=["path", "split", "subject"])
    first, second = ["Ann_Lee/0.png", "Bo_Sæ/0.png"], ["Ann_Lee/1.png", "Ann_Lee/2.png"]
    pairs = pd.DataFrame({"first": first, "second": second, "same": [True, False], "fold": [0, 0]})
    return dataset("verification", table, pairs, name="wild", title="Wild")


@pytest.mark.parametrize("judged", ["wild", "tiny"])
def test_people_of_pairs_are_left_out_and_counted(judged: str) -> None:
    wild = people()
    found = learn(wild, wild if judged == "wild" else dataset("classification", faces()), PEOPLE)
    assert set(found.subjects) == {"Cy_Day", "Di_Fox"}
    assert found.targets is not None
    assert found.targets.values.tolist() == [0, 0, 0, 1, 1, 1]
    assert "2 people of the test of Wild (6 images) are left out" in found.warnings
    assert "learned from who of 2 people is in 6 images of wild" in found.warnings


def speakers(names: bool = True) -> Source:
    who = ["cy day", "cy day", "Eve", "Eve", "Flo", "Flo"]
    frames = pd.DataFrame({"path": [f"{n}.png" for n in range(6)], "identity": who, "video": who})
    subjects = tuple(who) if names else ()
    return Source("clips", False, frames, no_image, ("0",) * 6, subjects=subjects)


def no_image(path: str) -> Pixels:
    raise AssertionError(f"{path} was read")


def test_people_of_the_judged_test_are_left_out_of_other_data() -> None:
    table = people().table.iloc[6:].reset_index(drop=True)  # Cy_Day and Di_Fox
    pairs = pd.DataFrame(
        {"first": ["Cy_Day/0.png"], "second": ["Di_Fox/0.png"], "same": [False], "fold": [0]}
    )
    wild = dataset("verification", table, pairs, name="wild", title="Wild")
    found = labelled(speakers(), None, wild, PEOPLE, holdout=SHARE, seed=0)
    assert found.targets is not None
    assert found.targets.values.tolist() == [0, 0, 1, 1]
    assert "1 people of the test of Wild (2 images) are left out" in found.warnings
    nameless = labelled(speakers(names=False), None, wild, PEOPLE, holdout=SHARE, seed=0)
    assert len(nameless) == 6
    assert "not known" in " ".join(nameless.warnings)


def test_data_without_labels_are_refused_in_one_line() -> None:
    source = replace(speakers(), frames=speakers().frames[["path"]], subjects=())
    data = dataset("classification", faces())
    with pytest.raises(DataError, match="learns from labels: clips has none"):
        labelled(source, None, data, LABELS, holdout=SHARE, seed=0)
    with pytest.raises(DataError, match="learns from the persons shown: tiny has none"):
        learn(data, data, PEOPLE)
    only = dataset("classification", faces().assign(label=1))
    with pytest.raises(DataError, match="40 images.*expected images of two classes"):
        learn(only, dataset("classification", faces(), name="other"))
