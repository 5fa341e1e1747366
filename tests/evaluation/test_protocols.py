"""What a protocol may and may not see, and that its scores follow from its predictions."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.protocol import judge
from facebench.evaluation.store import Features
from facebench.progress import Silent

SPEC = ProbeSpec(epochs=40, lrs=(1e-2, 1e-1), weight_decays=(0.0, 1e-2), resamples=200)


def blobs(splits: dict[str, int], *, seed: int = 0) -> tuple[Dataset, Features]:
    """Return three noisy clusters in six dimensions."""
    rng = np.random.default_rng(seed)
    split = np.concatenate([np.repeat(name, count) for name, count in splits.items()])
    label = np.arange(len(split)) % 3
    centres = np.eye(6)[:3]
    values = (centres[label] + rng.normal(0, 0.6, (len(split), 6))).astype(np.float32)
    paths = [f"{n}.png" for n in range(len(split))]
    table = pd.DataFrame({"path": paths, "split": split, "label": label})
    info = SimpleNamespace(title="Blobs", protocol="classification", classes=("a", "b", "c"))
    task: Any = SimpleNamespace(info=info)
    dataset = Dataset(task, Path(), False, table, None, tuple(paths))
    return dataset, Features(values, (), 0.0)


def run(dataset: Dataset, features: Features, spec: ProbeSpec = SPEC) -> Judgement:
    return judge(dataset, features, spec, seed=0, progress=Silent())


def test_the_probe_is_as_good_as_logistic_regression() -> None:
    dataset, features = blobs({"train": 300, "test": 300})
    outcome = run(dataset, features)
    train = (dataset.table["split"] == "train").to_numpy()
    labels = dataset.table["label"].to_numpy()
    model = LogisticRegression(max_iter=1000).fit(features.values[train], labels[train])
    reference = model.score(features.values[~train], labels[~train])
    assert outcome.scores["honest"]["accuracy"] == pytest.approx(reference, abs=0.03)
    assert outcome.scores["paper"]["accuracy"] == pytest.approx(reference, abs=0.05)


def test_honest_never_sees_a_test_label() -> None:
    dataset, features = blobs({"train": 90, "test": 60})
    shuffled = dataset.table.copy()
    test = shuffled["split"] == "test"
    shuffled.loc[test, "label"] = (shuffled.loc[test, "label"] + 1) % 3
    first, second = run(dataset, features), run(replace(dataset, table=shuffled), features)
    assert first.predictions["honest"].equals(second.predictions["honest"])
    assert first.details["chosen"] == second.details["chosen"]


def test_paper_is_the_best_test_epoch_and_never_below_the_last() -> None:
    paper = run(*blobs({"train": 60, "test": 60})).scores["paper"]
    curve = paper["test_accuracy_by_epoch"]
    assert len(curve) == SPEC.epochs
    assert paper["accuracy"] == max(curve)
    assert curve[paper["best_epoch"] - 1] == max(curve)
    assert paper["accuracy_last_epoch"] == curve[-1] <= paper["accuracy"]


def test_a_val_split_is_what_chooses() -> None:
    dataset, features = blobs({"train": 60, "val": 30, "test": 30})
    outcome = run(dataset, features)
    assert outcome.details["chosen_on"] == "val split"
    assert outcome.details["held_out_items"] == 30
    assert outcome.n_test == outcome.n_scored == 30


def test_held_out_items_are_a_stratified_tenth() -> None:
    outcome = run(*blobs({"train": 300, "test": 30}))
    assert outcome.details["held_out_items"] == 30
    assert outcome.details["chosen_on"] == "10% of train"


def test_every_metric_follows_from_the_predictions_and_has_an_interval() -> None:
    outcome = run(*blobs({"train": 90, "test": 60}))
    honest, predictions = outcome.scores["honest"], outcome.predictions
    for name in ("accuracy", "macro_f1", "balanced_accuracy"):
        low, high = honest["intervals"][name]
        assert low <= honest[name] <= high
    for label, recall in enumerate(honest["class_recalls"]):
        of_class = predictions[predictions["label"] == label]
        assert recall == pytest.approx((of_class["honest"] == label).mean())
    assert np.sum(honest["confusion"]) == 60


def test_broken_images_leave_fit_and_test() -> None:
    dataset, features = blobs({"train": 90, "test": 60})
    corrupted = features.values.copy()
    corrupted[[0, 95]] = 0
    outcome = run(dataset, Features(corrupted, (0, 95), 0.0))
    assert (outcome.n_test, outcome.n_scored) == (60, 59)
    assert "95.png" not in set(outcome.predictions["path"])


def test_a_class_that_cannot_be_held_out_is_an_error() -> None:
    dataset, features = blobs({"train": 6, "test": 3})
    with pytest.raises(DataError, match="cannot hold out"):
        run(dataset, features)


def faces(pairs: int = 60, *, noise: float = 0.6) -> tuple[Dataset, Features]:
    """Return identities as directions, with pairs in three folds, half of them the same."""
    rng = np.random.default_rng(0)
    people = rng.normal(size=(30, 8))
    who = np.arange(60) // 2
    values = (people[who] + rng.normal(0, noise, (60, 8))).astype(np.float32)
    paths = np.array([f"{n}.png" for n in range(60)])
    table = pd.DataFrame({"path": paths, "split": "test"})
    first = rng.integers(0, 30, pairs) * 2
    same = np.arange(pairs) % 2 == 0
    second = np.where(same, first + 1, (first + 2 + 2 * rng.integers(0, 28, pairs)) % 60)
    frame = pd.DataFrame(
        {"first": paths[first], "second": paths[second], "same": same,
         "fold": np.arange(pairs) // 2 % 3}
    )  # fmt: skip
    task: Any = SimpleNamespace(info=SimpleNamespace(title="Faces", protocol="verification"))
    return Dataset(task, Path(), False, table, frame, tuple(paths)), Features(values, (), 0.0)


def test_verification_equals_a_loop_over_folds_and_thresholds() -> None:
    dataset, features = faces()
    outcome = run(dataset, features)
    pairs, place = dataset.pairs, {p: n for n, p in enumerate(dataset.table["path"])}
    assert pairs is not None
    unit = features.values / np.linalg.norm(features.values, axis=1, keepdims=True)
    sims = np.array(
        [float(unit[place[a]] @ unit[place[b]])
         for a, b in zip(pairs["first"], pairs["second"], strict=True)]
    )  # fmt: skip
    same, fold = pairs["same"].to_numpy(), pairs["fold"].to_numpy()
    best_on_training = []
    for k in range(3):
        training = fold != k
        accuracies = [np.mean((sims[training] >= t) == same[training])
                      for t in [*sims[training], np.inf]]  # fmt: skip
        best_on_training.append(max(accuracies))
        # It is one of the similarities, up to the rounding of another order of sums.
        chosen = outcome.scores["honest"]["thresholds"][k] - 1e-6
        found = np.mean((sims[training] >= chosen) == same[training])
        assert found == pytest.approx(max(accuracies))
        held_out = np.mean((sims[~training] >= chosen) == same[~training])
        assert outcome.scores["honest"]["accuracy_by_fold"][k] == pytest.approx(held_out)
    assert outcome.scores["honest"]["roc_auc"] == pytest.approx(roc_auc_score(same, sims))


def test_pairs_with_a_broken_image_are_not_scored() -> None:
    dataset, features = faces()
    pairs = dataset.pairs
    assert pairs is not None
    broken = int(str(pairs["first"].iloc[0]).split(".")[0])
    outcome = run(dataset, Features(features.values, (broken,), 0.0))
    path = f"{broken}.png"
    lost = int(((pairs["first"] == path) | (pairs["second"] == path)).sum())
    assert (outcome.n_test, outcome.n_scored) == (60, 60 - lost)
