"""The multilabel protocol: what a fold may see, and that its scores follow from its predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.metrics.label_f1 import best_threshold
from facebench.evaluation.protocol import judge
from facebench.evaluation.protocols import label_folds, label_probe
from facebench.evaluation.store import Features
from facebench.progress import Silent

TARGETS = ("au1", "au12", "au25")
FOLDS, PEOPLE, FRAMES, WIDTH = 3, 12, 30, 10
SPEC = ProbeSpec(
    epochs=20,
    batch_size=32,
    paper_lr=0.1,
    lrs=(1e-2, 1e-1),
    weight_decays=(0.0, 1e-2),
    resamples=200,
)


def frames(seed: int = 0) -> tuple[Dataset, Features]:
    """Twelve people in three folds whose action units show, noisily, in features of their own."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(PEOPLE), FRAMES)
    habit = rng.uniform(0.1, 0.5, (PEOPLE, len(TARGETS)))
    labels = (rng.random((len(person), len(TARGETS))) < habit[person]).astype(int)
    values = rng.normal(0, 0.4, (len(person), WIDTH)) + rng.normal(0, 0.2, (PEOPLE, WIDTH))[person]
    values[:, : len(TARGETS)] += labels
    order = rng.permutation(len(person))
    table = pd.DataFrame(labels, columns=list(TARGETS))
    table["path"] = [f"SN{who:03d}/{n}.png" for n, who in enumerate(person)]
    table["subject"] = [f"SN{who:03d}" for who in person]
    table["fold"], table["split"] = person % FOLDS, "test"
    table = table.iloc[order].reset_index(drop=True)
    info = SimpleNamespace(title="Frames", protocol="multilabel", targets=TARGETS)
    task: Any = SimpleNamespace(info=info)
    dataset = Dataset(task, Path(), False, table, None, tuple(table["path"]))
    return dataset, Features(values[order].astype(np.float32), (), 0.0)


def run(dataset: Dataset, features: Features, spec: ProbeSpec = SPEC) -> Judgement:
    return judge(dataset, features, spec, seed=0, progress=Silent())


@pytest.fixture(scope="module")
def outcome() -> Judgement:
    return run(*frames())


def honest_part(outcome: Judgement, fold: int) -> tuple[Any, ...]:
    """What the honest score of a fold rests on: choices, thresholds and decisions."""
    record = outcome.details["folds"][fold]
    keys = ("chosen", "chosen_on", "thresholds", "held_out_f1", "held_out_items", "fitted_items")
    rows = outcome.predictions[outcome.predictions["fold"] == fold]
    columns = [c for c in rows if str(c).startswith("honest")]
    return ({key: record[key] for key in keys}, rows[columns].to_numpy().tolist())


def leaks(fold: int) -> bool:
    """Whether the test labels of a fold have any influence on the fold's honest part."""
    dataset, features = frames()
    changed = dataset.table.copy()
    tested = changed["fold"] == fold
    changed.loc[tested, list(TARGETS)] = 1 - changed.loc[tested, list(TARGETS)]
    before, after = run(dataset, features), run(replace(dataset, table=changed), features)
    return honest_part(before, fold) != honest_part(after, fold)


@pytest.mark.parametrize("fold", range(FOLDS))
def test_no_test_label_has_any_influence(fold: int) -> None:
    assert not leaks(fold)


def plant_in_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fold that trains on all rows, its own test rows among them."""

    def all_rows(dataset: Dataset, readable: Any) -> Any:
        fold = dataset.table["fold"].to_numpy()
        for number in range(FOLDS):
            yield np.arange(len(fold)), np.flatnonzero(fold == number)

    monkeypatch.setattr(label_folds, "fold_rows", all_rows)


def plant_in_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thresholds that are chosen where they are tested."""
    decide = label_probe.fit_and_test

    def chosen_on_test(choice: Any, train: Any, test: Any, *rest: Any) -> Any:
        tested = decide(choice, train, test, *rest)
        columns = zip(test.labels.T, tested.probabilities.T, strict=True)
        thresholds = np.array([best_threshold(*column)[0] for column in columns])
        return replace(tested, honest=(tested.probabilities >= thresholds).astype(np.int8))

    monkeypatch.setattr(label_folds, "fit_and_test", chosen_on_test)


@pytest.mark.parametrize("plant", [plant_in_fit, plant_in_thresholds])
def test_a_planted_leak_is_seen(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """The check above is able to fail; the guard that would stop the first leak is taken out."""
    plant(monkeypatch)
    if plant is plant_in_fit:
        with pytest.raises(DataError, match=r"SN\d+ leaks: found in the training folds and in the"):
            run(*frames())
        monkeypatch.setattr(label_probe, "refuse_shared_subjects", lambda sides: None)
    assert leaks(0)


def test_a_hold_out_that_splits_a_subject_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    by_frame = lambda subjects, *_, **__: (np.arange(9, len(subjects)), np.arange(9))  # noqa: E731
    monkeypatch.setattr(label_probe, "hold_out_subjects", by_frame)
    with pytest.raises(DataError, match="leaks: found in what is fitted and in what is held out"):
        run(*frames())


def test_a_subject_in_two_folds_is_refused() -> None:
    dataset, features = frames()
    moved = dataset.table.copy()
    moved["fold"] = np.append(
        (moved["fold"].to_numpy()[0] + 1) % FOLDS, moved["fold"].to_numpy()[1:]
    )
    with pytest.raises(DataError, match="leaks"):
        run(replace(dataset, table=moved), features)


def test_features_that_tell_the_label_on_test_rows_only_are_of_no_use() -> None:
    """Whatever looks at test rows while it chooses or scales would find these columns."""
    dataset, features = frames()
    fold = dataset.table["fold"].to_numpy()
    told = np.zeros((len(fold), len(TARGETS)), np.float32)
    told[fold == 1] = dataset.table.loc[fold == 1, list(TARGETS)]
    silent = np.zeros_like(told)
    with_leak, without = (
        run(dataset, Features(np.column_stack([features.values, extra]), (), 0.0))
        for extra in (told, silent)
    )
    # On fold 1 only the initial weights of these columns, about 0.01, say anything about them.
    for key in ("chosen", "thresholds", "held_out_f1"):
        assert with_leak.details["folds"][1][key] == without.details["folds"][1][key]
    found, expected = (
        j.predictions.loc[j.predictions["fold"] == 1, "honest_probability_au1"]
        for j in (with_leak, without)
    )
    assert np.abs(found - expected).max() < 0.03


def test_every_score_follows_from_the_predictions(outcome: Judgement) -> None:
    table = outcome.predictions
    for kind in ("honest", "paper"):
        scores = outcome.scores[kind]
        for target in TARGETS:
            of_folds = [
                f1_score(part[f"label_{target}"], part[f"{kind}_{target}"])
                for _, part in table.groupby("fold")
            ]
            assert scores[f"f1_{target}"] == pytest.approx(np.mean(of_folds))
            assert scores[f"f1_{target}_by_fold"] == pytest.approx(of_folds)
            pooled = f1_score(table[f"label_{target}"], table[f"{kind}_{target}"])
            assert scores[f"f1_pooled_{target}"] == pytest.approx(pooled)
        for name in ("f1", "f1_pooled"):
            mean = np.mean([scores[f"{name}_{target}"] for target in TARGETS])
            assert scores[name] == pytest.approx(mean)
        assert scores["f1"] == pytest.approx(np.mean(scores["f1_by_fold"]))
        for name, (low, high) in scores["intervals"].items():
            assert low <= scores[name] <= high
    json.dumps([outcome.scores, outcome.details, outcome.floors], allow_nan=False)


def test_decisions_follow_from_probabilities_and_thresholds(outcome: Judgement) -> None:
    for fold, part in outcome.predictions.groupby("fold"):
        thresholds = outcome.details["folds"][fold]["thresholds"]
        for target in TARGETS:
            given = part[f"honest_probability_{target}"] >= thresholds[target]
            assert given.astype(int).tolist() == part[f"honest_{target}"].tolist()


def test_the_probe_is_as_good_as_logistic_regression(outcome: Judgement) -> None:
    dataset, features = frames()
    tested = (dataset.table["fold"] == 0).to_numpy()
    reached = []
    for target in TARGETS:
        labels = dataset.table[target].to_numpy()
        model = LogisticRegression().fit(features.values[~tested], labels[~tested])
        reached.append(f1_score(labels[tested], model.predict(features.values[tested])))
    assert outcome.scores["paper"]["f1_by_fold"][0] == pytest.approx(np.mean(reached), abs=0.06)
    assert outcome.scores["honest"]["f1"] > outcome.floors["always positive"]["f1"] + 0.1


def test_paper_is_the_best_test_epoch_of_each_fold(outcome: Judgement) -> None:
    paper = outcome.scores["paper"]
    for fold, curve in enumerate(paper["test_f1_by_fold_and_epoch"]):
        assert len(curve) == SPEC.epochs
        assert paper["f1_by_fold"][fold] == pytest.approx(max(curve))
        assert curve[paper["best_epoch_by_fold"][fold] - 1] == max(curve)
    last = [curve[-1] for curve in paper["test_f1_by_fold_and_epoch"]]
    assert paper["f1_last_epoch"] == pytest.approx(np.mean(last))
    assert paper["f1_last_epoch"] <= paper["f1"]


def test_choices_are_made_on_training_subjects(outcome: Judgement) -> None:
    subjects = outcome.predictions.groupby("fold")["subject"].unique()
    for fold, record in enumerate(outcome.details["folds"]):
        assert len(record["chosen_on"]) == label_probe.LEAST_SUBJECTS
        assert not set(record["chosen_on"]) & set(subjects[fold])
        assert record["held_out_items"] + record["fitted_items"] == 8 * FRAMES
        best = max(record["held_out_f1"], key=lambda tried: tried["f1"])
        assert record["chosen"] == {key: best[key] for key in ("lr", "weight_decay")}


def test_floors_need_no_features(outcome: Judgement) -> None:
    table = outcome.predictions
    for target in TARGETS:
        always = [
            f1_score(part[f"label_{target}"], np.ones(len(part)))
            for _, part in table.groupby("fold")
        ]
        assert outcome.floors["always positive"][f"f1_{target}"] == pytest.approx(np.mean(always))
    assert outcome.floors["majority class"]["f1"] == 0


def test_a_label_that_a_fold_lacks_counts_as_zero_and_is_told() -> None:
    dataset, features = frames()
    table = dataset.table.copy()
    table.loc[table["fold"] == 2, "au1"] = 0
    outcome = run(replace(dataset, table=table), features)
    told = [record["never_tested"] for record in outcome.details["folds"]]
    assert told == [[], [], ["au1"]]
    assert outcome.scores["honest"]["f1_au1_by_fold"][2] == 0


def test_broken_images_leave_fit_and_test() -> None:
    dataset, features = frames()
    corrupted = features.values.copy()
    corrupted[[0, 95]] = np.nan
    outcome = run(dataset, Features(corrupted, (0, 95), 0.0))
    assert (outcome.n_test, outcome.n_scored) == (360, 358)
    assert dataset.table["path"][95] not in set(outcome.predictions["path"])
    assert outcome.predictions["path"].tolist() == [
        path for n, path in enumerate(dataset.table["path"]) if n not in (0, 95)
    ]


def test_some_of_the_predictions_are_scored_by_the_same_code(outcome: Judgement) -> None:
    everything = outcome.rescore(np.ones(len(outcome.predictions), bool))
    assert everything["honest"] == outcome.scores["honest"]
    kept = (outcome.predictions["subject"] != "SN003").to_numpy()
    part = outcome.predictions[kept & (outcome.predictions["fold"] == 0)]
    expected = f1_score(part["label_au1"], part["honest_au1"])
    assert outcome.rescore(kept)["honest"]["f1_au1_by_fold"][0] == pytest.approx(expected)


def test_too_few_people_to_choose_on_is_an_error() -> None:
    dataset, features = frames()
    rows = dataset.table["subject"].isin(["SN000", "SN001"]).to_numpy()
    table = dataset.table[rows].reset_index(drop=True)
    with pytest.raises(DataError, match="cannot hold out a training subject"):
        run(replace(dataset, table=table), Features(features.values[rows], (), 0.0))
