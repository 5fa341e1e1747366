"""Other probes of the same features: neighbours, centroids and few labels, against scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from result_world import dataset_of, info_of
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.preprocessing import normalize

import facebench as fb
from conftest import Facebench
from facebench.config.other_probe import OF_HEADS
from facebench.config.spec import ProbeSpec, digest, plain
from facebench.data.dataset import Dataset
from facebench.errors import DataError, SpecError, UnknownNameError
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.protocol import judge
from facebench.evaluation.store import Features
from facebench.progress import Silent
from facebench.protocol import judging_protocol, probes_of
from facebench.report.entries import entries
from facebench.results.settings import ProbeSettings

SEED = 3
SPEC = ProbeSpec(kind="knn", resamples=200)
CLASSES = ("a", "b", "c", "d")
BROKEN = 7


@pytest.fixture(scope="module")
def faces() -> tuple[Dataset, np.ndarray]:
    """Return 600 images of four classes, the last of them rare, and features that overlap."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, 600, p=[0.4, 0.3, 0.2, 0.1])
    values = rng.normal(size=(600, 24)) + 0.7 * np.eye(4, 24)[labels] + 3.0  # far from the origin
    values[BROKEN] = 0
    table = pd.DataFrame({
        "path": [f"{n}.png" for n in range(600)], "label": labels,
        "split": np.where(np.arange(600) % 3 == 0, "test", "train"),
    })  # fmt: skip
    info = replace(info_of("classification"), classes=CLASSES)
    task = SimpleNamespace(info=info)
    paths = tuple(table["path"])
    return Dataset(task, Path(), False, table, None, paths), values.astype(np.float32)  # type: ignore[arg-type]


def judged(faces: tuple[Dataset, np.ndarray], spec: ProbeSpec, seed: int = SEED) -> Judgement:
    dataset, values = faces
    return judge(dataset, Features(values, (BROKEN,), 0.0), spec, seed=seed, progress=Silent())


def rows(faces: tuple[Dataset, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return training features, training labels, test features and test labels."""
    dataset, values = faces
    there = np.arange(len(values)) != BROKEN
    train = (dataset.table["split"] == "train").to_numpy() & there
    test = (dataset.table["split"] == "test").to_numpy() & there
    labels = dataset.table["label"].to_numpy()
    values = values.astype(np.float64)
    return values[train], labels[train], values[test], labels[test]


def neighbours(k: int, temperature: float) -> KNeighborsClassifier:
    """Return scikit-learn's classifier; its distance is 1 less the cosine."""

    def weights(distances: np.ndarray) -> np.ndarray:
        each: np.ndarray = np.exp((1 - distances) / temperature)
        return each

    return KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=weights if temperature else "uniform"
    )


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (5, 0.0), (20, 0.07), (100, 0.2)])
def test_neighbours_vote_as_in_scikit_learn(
    faces: tuple[Dataset, np.ndarray], k: int, temperature: float
) -> None:
    train, labels, test, _ = rows(faces)
    found = judged(faces, replace(SPEC, k=k, temperature=temperature)).predictions["paper"]
    expected = neighbours(k, temperature).fit(train, labels).predict(test)
    assert np.array_equal(found, expected)


def test_neighbours_are_chosen_on_held_out_images(faces: tuple[Dataset, np.ndarray]) -> None:
    train, labels, test, _ = rows(faces)
    spec = replace(SPEC, ks=(1, 10, 50, 9999), temperatures=(0.0, 0.1))
    judgement = judged(faces, spec)
    fit, held = train_test_split(
        np.arange(len(train)), test_size=0.1, stratify=labels, random_state=SEED
    )
    accuracy = {
        (k, t): neighbours(k, t).fit(train[fit], labels[fit]).score(train[held], labels[held])
        for t in (0.0, 0.1) for k in (1, 10, 50)
    }  # fmt: skip
    stored = judgement.details["held_out_accuracy"]
    assert {(row["k"], row["temperature"]): row["accuracy"] for row in stored} == accuracy
    k, temperature = max(accuracy, key=lambda one: accuracy[one])
    assert judgement.details["chosen"] == {"k": k, "temperature": temperature}
    expected = neighbours(k, temperature).fit(train, labels).predict(test)
    assert np.array_equal(judgement.predictions["honest"], expected)


def test_the_nearest_centroid_is_that_of_scikit_learn(faces: tuple[Dataset, np.ndarray]) -> None:
    train, labels, test, _ = rows(faces)
    mean = train.mean(0)
    expected = (
        NearestCentroid().fit(normalize(train - mean), labels).predict(normalize(test - mean))
    )
    found = judged(faces, ProbeSpec(kind="centroid", resamples=200)).predictions
    assert np.array_equal(found["honest"], expected)
    assert np.array_equal(found["paper"], expected)


def test_few_labels_are_learned_from_as_by_scikit_learn(
    faces: tuple[Dataset, np.ndarray],
) -> None:
    train, labels, test, truth = rows(faces)
    spec = ProbeSpec(kind="fewshot", shots=(0.1, 1, 4), draws=10, resamples=200)
    judgement = judged(faces, spec)
    block = judgement.scores["honest"]
    counts = np.bincount(labels)
    assert judgement.details["labelled"] == {
        "accuracy_10_percent": sum(max(1, round(0.1 * n)) for n in counts),
        "accuracy_1": 4, "accuracy_4": 16,
    }  # fmt: skip
    by_draw = []
    for number in range(10):
        rng = np.random.default_rng([SEED, number])
        drawn = np.sort(np.concatenate(
            [rng.permutation(np.flatnonzero(labels == c))[:4] for c in range(4)]
        ))  # fmt: skip
        mean = train[drawn].mean(0)
        model = LogisticRegression(C=1.0, max_iter=1000)
        model.fit(normalize(train[drawn] - mean), labels[drawn])
        decided = model.predict(normalize(test - mean))
        stored = judgement.predictions[f"accuracy_4_draw_{number}"]
        assert (stored == decided).mean() > 0.99  # a tie may fall otherwise in float32
        by_draw.append((decided == truth).mean())
    assert block["accuracy_by_draw"]["accuracy_4"] == pytest.approx(by_draw, abs=0.01)
    assert block["accuracy"] == block["accuracy_4"] == pytest.approx(np.mean(by_draw), abs=0.005)
    assert block["std_over_draws"]["accuracy_4"] == pytest.approx(np.std(by_draw, ddof=1), abs=0.01)
    assert block["accuracy_1"] < block["accuracy_4"] < block["accuracy_10_percent"]
    low, high = block["intervals"]["accuracy_1"]
    assert low < block["accuracy_1"] < high
    right = np.stack([judgement.predictions[f"accuracy_1_draw_{n}"] == truth for n in range(10)], 1)
    rng = np.random.default_rng(9)
    both, items_alone = [], []
    for _ in range(400):
        items, draws = rng.integers(0, len(truth), len(truth)), rng.integers(0, 10, 10)
        both.append(right[items][:, draws].mean())
        items_alone.append(right[items].mean())
    assert [low, high] == pytest.approx(np.quantile(both, [0.025, 0.975]), abs=0.015)
    assert high - low > 1.1 * np.diff(np.quantile(items_alone, [0.025, 0.975])).item()
    assert judged(faces, spec).scores == judgement.scores
    assert judged(faces, spec, seed=4).scores != judgement.scores


def test_what_cannot_be_drawn_or_counted_is_said(faces: tuple[Dataset, np.ndarray]) -> None:
    with pytest.raises(DataError, match="training images of d; expected the 100 of each class"):
        judged(faces, ProbeSpec(kind="fewshot", shots=(1, 100)))
    with pytest.raises(DataError, match="found 399 training images"):
        judged(faces, replace(SPEC, k=400))
    with pytest.raises(SpecError, match="probe.shots has 1.5; expected whole numbers"):
        ProbeSpec(kind="fewshot", shots=(1.5,))
    with pytest.raises(SpecError, match="in ascending order"):
        ProbeSpec(kind="fewshot", shots=(2, 1))
    with pytest.raises(
        SpecError, match="probe.k is an option of --probe knn; found --probe linear"
    ):
        ProbeSpec(k=3)
    with pytest.raises(SpecError, match="draws is 3"):
        ProbeSpec(kind="fewshot", draws=3)


def test_which_task_has_which_probe() -> None:
    assert probes_of(info_of("classification")) == (
        "linear",
        "centroid",
        "fewshot",
        "knn",
        "weighted",
    )
    for kind in ("multilabel", "regression", "cosine"):
        assert probes_of(info_of(kind)) == ("linear",)
        with pytest.raises(SpecError, match="has the probes linear"):
            judging_protocol(info_of(kind), "knn")
    with pytest.raises(UnknownNameError, match="Did you mean 'knn'"):
        judging_protocol(info_of("classification"), "kn")
    with pytest.raises(UnknownNameError, match="unknown probe 'regression'"):
        judging_protocol(info_of("classification"), "regression")
    assert dataset_of("cosine").task.info.protocol == "verification"


def test_keys_of_the_linear_probe_know_of_no_other() -> None:
    linear, knn = plain(ProbeSpec()), plain(ProbeSpec(kind="knn"))
    assert "kind" not in linear
    assert "k" not in linear
    own = {"kind", "k", "temperature", "ks", "temperatures"}
    assert set(knn) == {"holdout", "resamples", *own}  # what it reads, and nothing else
    for unread in ({"lrs": (0.5,)}, {"epochs": 7}, {"batch_size": 8}, {"verification": "learned"}):
        assert digest(ProbeSpec(kind="knn", **unread)) == digest(ProbeSpec(kind="knn"))
        assert digest(ProbeSpec(**unread)) != digest(ProbeSpec())
    assert digest(ProbeSpec(kind="knn", k=5)) != digest(ProbeSpec(kind="knn"))
    few = ProbeSpec(kind="fewshot")
    assert set(plain(few)) == {"holdout", "resamples", "kind", "shots", "draws"}


def test_a_result_of_a_probe_without_heads_may_have_their_options_or_not() -> None:
    """Results from before they were left out have them; those of the linear probe must."""
    linear = plain(ProbeSpec())
    older = {**linear, **plain(ProbeSpec(kind="knn"))}
    assert ProbeSettings.model_validate(older).plain() == older
    newer = plain(ProbeSpec(kind="centroid"))
    assert ProbeSettings.model_validate(newer).plain() == newer
    for name in OF_HEADS:
        lacking = {key: value for key, value in linear.items() if key != name}
        with pytest.raises(ValidationError, match=name):
            ProbeSettings.model_validate(lacking)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, data: Path, plugin: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("probes")
    return {
        "method": "random", "task": "tiny", "backbone": "tinynet", "floors": False,
        "device": "cpu", "precision": "32", "data": data, "plugins": [plugin],
        "settings": {"probe.resamples": 200}, "progress": Silent(),
        "cache": folder / "cache", "results": folder / "results",
    }  # fmt: skip


def test_features_are_extracted_once_for_all_probes(
    words: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_three_epochs = {**words, "settings": {**words["settings"], "probe.epochs": 3}}
    (linear,) = fb.run(**in_three_epochs)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("extracted again")

    monkeypatch.setattr("facebench.pipeline.stages.extract", never)
    found = {probe: fb.run(**words, probe=probe)[0] for probe in ("knn", "centroid", "fewshot")}
    for probe, result in found.items():
        assert result.record.stages.features == linear.record.stages.features
        assert result.record.stages.result != linear.record.stages.result
        assert result.record.task.protocol[0] == probe
        assert 0.5 < result.scores.honest.value("accuracy") <= 1
        low, high = result.interval or (0, 0)
        assert low < result.scores.honest.value("accuracy") <= high
    assert fb.run(**in_three_epochs)[0].path == linear.path  # the old one still stands for its run
    assert all(not checked.findings for checked in fb.validate(words["results"]))
    everything = fb.load_results(words["results"])
    board = everything.leaderboard(tmp_path / "board.txt").read_text()
    for column in ("Tiny, knn", "Tiny, centroid", "Tiny, fewshot", "10 per class (%)"):
        assert column in board
    assert len(entries(everything)) == 1  # one row has them all
    assert "fixed recipe" in repr(found["knn"])
    assert "test-selected" in repr(linear)
    from facebench.errors import StageError

    with pytest.raises(StageError, match="protocol classification version 2 and knn version 1"):
        fb.compare(linear, found["knn"])
    other = {**words, "settings": {**words["settings"], "probe.k": 5}}
    (five,) = fb.run(**other, probe="knn")
    with pytest.raises(StageError, match=r"probe\.k 20 and 5"):
        fb.compare(found["knn"], five)
    (again,) = fb.run(**{**words, "seeds": [0]}, probe="fewshot")
    assert again.path == found["fewshot"].path
    drawn = fb.draw_labels([again], tmp_path / "labels.svg").read_text()
    assert "labelled training images" in drawn
    drawn_again = fb.draw_labels([again.path], tmp_path / "again.svg").read_text()
    assert drawn_again == drawn
    with pytest.raises(DataError, match="--probe fewshot"):
        fb.draw_labels([linear], tmp_path / "none.svg")


def test_another_probe_is_reproduced_and_compared(words: dict[str, Any], tmp_path: Path) -> None:
    for probe in ("knn", "fewshot"):
        first, second = fb.run(**{**words, "seeds": [0, 1]}, probe=probe)
        again = fb.verify(
            first, data=words["data"], cache=words["cache"], device="cpu", plugins=words["plugins"]
        )
        assert again.reproduced
        compared = fb.compare(first, second)
        assert compared.items == 48
        assert bool(compared.decisions) == (probe == "knn")
        row = compared.to_frame().iloc[0]
        assert row["difference"] == pytest.approx(row["first"] - row["second"])
        assert row["low"] <= row["difference"] <= row["high"]


def test_the_command_line_and_files_take_a_probe(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("method: random\ntask: tiny\nbackbone: tinynet\nprobe: centroid\n")
    line = ["run", "--config", str(file), "--plugin", str(plugin), "--no-floors"]
    assert "probe.kind" in facebench(*line, "--dry-run").stdout
    shown = facebench(*line, "--probe", "centroid").stdout
    assert "Tiny, centroid" in shown
    assert "fixed" in shown
    assert "selected" not in shown
    board = facebench("leaderboard", "--format", "md").stdout
    tables = board.partition("## ")[2]  # below the note on all cells
    assert "fixed recipe" in tables
    assert "test-selected" not in tables
    page = facebench("leaderboard", "--format", "html").stdout
    assert '"selected":"fixed recipe"' in page
    assert '"selected":"test-selected"' not in page
    ignored = facebench(*line, "--set", "probe.lrs=0.1", status=2).stderr
    assert "--set probe.lrs: probe centroid trains no head, and does not read it" in ignored
    with pytest.raises(SpecError, match="settings, probe.lrs: probe centroid trains no head"):
        fb.dry_run(
            method="random", task="tiny", backbone="tinynet", probe="centroid",
            settings={"probe.lrs": [0.1]}, plugins=[plugin],
        )  # fmt: skip
    wrong = facebench(*line, "--probe", "centriod", status=2)
    assert "Did you mean 'centroid'" in wrong.stderr
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(
        "method: random\ntask: tiny\nbackbone: tinynet\nprobe: {epochs: 2}\n"
        "grid: {probe.kind: [linear, centroid]}\n"
    )
    shown = facebench(
        "sweep", str(sweep), "--plugin", str(plugin), "--no-floors", "--set", "probe.lrs=0.1"
    ).stdout  # which the linear runs read
    assert "Tiny, centroid" in shown
    refused = facebench("sweep", str(sweep), "--plugin", str(plugin), "--probe", "knn", status=2)
    assert "what this sweep varies" in refused.stderr
