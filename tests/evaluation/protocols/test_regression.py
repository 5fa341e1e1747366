"""The regression protocol: what may be seen, what is learnt, and that scores follow from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.metrics.absolute_error import errors_by_yaw, mean_errors
from facebench.evaluation.protocol import judge
from facebench.evaluation.store import Features
from facebench.progress import Silent

TARGETS = ("yaw", "pitch", "roll")
SPEC = ProbeSpec(epochs=60, batch_size=64, lrs=(1e-2, 1e-1), weight_decays=(0.0,), resamples=200)
COPIES = 4  # of a photograph


def poses(splits: dict[str, int] | None = None, *, seed: int = 0) -> tuple[Dataset, Features]:
    """Return heads whose angles are, up to noise, linear in features of wild scales."""
    rng = np.random.default_rng(seed)
    splits = splits or {"train": 400, "test": 200}
    split = np.concatenate([np.repeat(name, count) for name, count in splits.items()])
    latent = rng.normal(size=(len(split), 3))
    angles = latent * [30, 10, 12] + [0, -8, 0]
    mixing = rng.normal(size=(3, 12)) * np.geomspace(0.05, 20, 12)
    values = latent @ mixing + rng.normal(0, 0.1, (len(split), 12)) * np.geomspace(0.05, 20, 12)
    table = pd.DataFrame(angles, columns=list(TARGETS)).clip(-99, 99)
    table["path"] = [f"{n}.jpg" for n in range(len(split))]
    table["split"] = split
    table["subject"] = [f"{name}/{n // COPIES}" for n, name in enumerate(split)]
    info = SimpleNamespace(title="Poses", protocol="regression", targets=TARGETS)
    task: Any = SimpleNamespace(info=info)
    dataset = Dataset(task, Path(), False, table, None, tuple(table["path"]))
    return dataset, Features((values + 3).astype(np.float32), (), 0.0)


def run(dataset: Dataset, features: Features, spec: ProbeSpec = SPEC) -> Judgement:
    return judge(dataset, features, spec, seed=0, progress=Silent())


@pytest.fixture(scope="module")
def outcome() -> Judgement:
    return run(*poses())


def test_honest_is_about_as_good_as_least_squares(outcome: Judgement) -> None:
    dataset, features = poses()
    train = (dataset.table["split"] == "train").to_numpy()
    angles = dataset.table[list(TARGETS)].to_numpy()
    model = LinearRegression().fit(features.values[train], angles[train])
    reference = np.abs(model.predict(features.values[~train]) - angles[~train]).mean()
    floor = outcome.floors["constant predictor"]["mae"]
    # Running statistics of the last batches are 3 % of a standard deviation off.
    assert reference < outcome.scores["honest"]["mae"] < reference + 0.05 * floor
    assert reference < outcome.scores["paper"]["mae"] < floor


def test_every_score_follows_from_the_predictions(outcome: Judgement) -> None:
    table = outcome.predictions
    for kind in ("honest", "paper"):
        scores = outcome.scores[kind]
        for target in TARGETS:
            expected = mean_absolute_error(table[f"label_{target}"], table[f"{kind}_{target}"])
            assert scores[f"mae_{target}"] == pytest.approx(expected)
        assert scores["mae"] == pytest.approx(np.mean([scores[f"mae_{t}"] for t in TARGETS]))
        for name, (low, high) in scores["intervals"].items():
            assert low <= scores[name] <= high
    json.dumps([outcome.scores, outcome.details, outcome.floors], allow_nan=False)


def test_the_mean_is_over_items_and_not_over_batches() -> None:
    """257 test items: as a mean over batches of 128 the last one would weigh a third."""
    dataset, features = poses({"train": 128, "test": 257})
    outcome = run(dataset, features, replace(SPEC, epochs=2))
    table = outcome.predictions
    expected = np.mean([np.abs(table[f"label_{t}"] - table[f"paper_{t}"]).mean() for t in TARGETS])
    assert outcome.scores["paper"]["mae"] == pytest.approx(expected)
    assert min(outcome.scores["paper"]["test_mae_by_epoch"]) == pytest.approx(expected)


def test_paper_is_the_best_test_epoch_and_never_above_the_last(outcome: Judgement) -> None:
    paper = outcome.scores["paper"]
    curve = paper["test_mae_by_epoch"]
    assert len(curve) == SPEC.epochs
    assert paper["mae"] == pytest.approx(min(curve))
    assert curve[paper["best_epoch"] - 1] == min(curve)
    assert paper["mae_last_epoch"] == pytest.approx(curve[-1])
    assert paper["mae_last_epoch"] >= paper["mae"]


def test_honest_never_sees_a_test_target(outcome: Judgement) -> None:
    dataset, features = poses()
    changed = dataset.table.copy()
    test = changed["split"] == "test"
    changed.loc[test, list(TARGETS)] = -2 * changed.loc[test, list(TARGETS)] + 50
    other = run(replace(dataset, table=changed), features)
    for name in [f"honest_{target}" for target in TARGETS]:
        assert outcome.predictions[name].equals(other.predictions[name])
    for key in ("chosen", "held_out_mae"):
        assert outcome.details[key] == other.details[key]


def test_honest_never_sees_a_test_image() -> None:
    """Batch normalisation takes no statistics of the test split."""
    dataset, features = poses()
    test = (dataset.table["split"] == "test").to_numpy()
    moved = features.values.copy()
    moved[np.flatnonzero(test)[1:]] *= 50
    first, second = run(dataset, features), run(dataset, Features(moved, (), 0.0))
    assert first.details["held_out_mae"] == second.details["held_out_mae"]
    assert first.predictions["honest_yaw"][0] == pytest.approx(second.predictions["honest_yaw"][0])


def test_units_of_the_targets_do_not_matter_to_honest(outcome: Judgement) -> None:
    dataset, features = poses()
    radians = dataset.table.copy()
    radians[list(TARGETS)] = np.radians(radians[list(TARGETS)])
    other = run(replace(dataset, table=radians), features)
    found = np.degrees(other.scores["honest"]["mae"])
    assert found == pytest.approx(outcome.scores["honest"]["mae"], rel=0.02)


def test_copies_of_a_photograph_are_held_out_together(outcome: Judgement) -> None:
    assert outcome.details["chosen_on"] == "10 of 100 training subjects"
    assert outcome.details["held_out_items"] == 10 * COPIES


def test_without_subjects_rows_are_held_out_and_val_comes_first() -> None:
    quick = replace(SPEC, epochs=1)
    dataset, features = poses()
    table = dataset.table.drop(columns="subject")
    outcome = run(replace(dataset, table=table), features, quick)
    assert outcome.details["chosen_on"] == "10% of train"
    outcome = run(*poses({"train": 60, "val": 30, "test": 20}), quick)
    assert outcome.details["chosen_on"] == "val split"
    assert outcome.details["held_out_items"] == 30


def test_the_floor_is_the_mean_of_the_training_targets(outcome: Judgement) -> None:
    table = poses()[0].table
    train, test = (table.loc[table["split"] == name, list(TARGETS)] for name in ("train", "test"))
    expected = (test - train.mean()).abs().mean()
    floor = outcome.floors["constant predictor"]
    assert [floor[f"mae_{t}"] for t in TARGETS] == pytest.approx(expected.tolist())
    assert floor["mae"] == pytest.approx(expected.mean())


def test_errors_by_yaw_are_those_of_each_range(outcome: Judgement) -> None:
    found = outcome.details["errors_by_yaw"]["honest"]
    table = outcome.predictions
    turned = table["label_yaw"].abs()
    assert sum(part["n"] for part in found) == len(table)
    for part in found:
        inside = table[(turned >= part["from"]) & (turned < part["to"] + (part["to"] == 99))]
        assert part["n"] == len(inside)
        expected = (inside["label_pitch"] - inside["honest_pitch"]).abs().mean()
        assert part["mae_pitch"] == pytest.approx(expected)


def test_a_range_without_items_is_null_and_99_degrees_are_in() -> None:
    parts = errors_by_yaw([[1.0], [-2.0], [3.0]], [-29.9, 30, -99], ("yaw",))
    assert [part["n"] for part in parts] == [1, 1, 1]
    parts = errors_by_yaw([[1.0]], [0], ("yaw",))
    assert parts[2] == {"from": 60, "to": 99, "n": 0, "mae": None, "mae_yaw": None}
    assert np.isnan(mean_errors(np.empty((0, 2)))).all()


def test_intervals_equal_a_loop_over_drawn_items(outcome: Judgement) -> None:
    table = outcome.predictions
    names = [[f"{kind}_{target}" for target in TARGETS] for kind in ("label", "honest")]
    truth, predicted = (table[columns].to_numpy() for columns in names)
    errors, rng = np.abs(predicted - truth), np.random.default_rng(1)
    drawn = [errors[rng.integers(0, len(errors), len(errors))].mean() for _ in range(4000)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = outcome.scores["honest"]["intervals"]["mae"]
    assert found == pytest.approx([low, high], abs=(high - low) / 5)  # 200 draws there


def test_broken_images_leave_fit_and_test() -> None:
    dataset, features = poses()
    corrupted = features.values.copy()
    corrupted[[0, 450]] = np.nan
    outcome = run(dataset, Features(corrupted, (0, 450), 0.0), replace(SPEC, epochs=1))
    assert (outcome.n_test, outcome.n_scored) == (200, 199)
    assert "450.jpg" not in set(outcome.predictions["path"])


def test_some_of_the_predictions_are_scored_by_the_same_code(outcome: Judgement) -> None:
    kept = np.arange(len(outcome.predictions)) % 3 > 0
    part = outcome.predictions[kept]
    expected = (part["label_yaw"] - part["honest_yaw"]).abs().mean()
    assert outcome.rescore(kept)["honest"]["mae_yaw"] == pytest.approx(expected)
