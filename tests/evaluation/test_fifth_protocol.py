"""A protocol that another package adds: this file is all that it takes.

The class is found through an entry point, as one of an installed package is; the task that names it
is a single-file plugin, which is this file, too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from result_world import write_result
from whole_results import reseal

import facebench
from conftest import Facebench
from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.data.table_checks import check_labels
from facebench.errors import DataError, PluginError
from facebench.evaluation.protocol import Bools, Floats, Ints, Probed, Protocol
from facebench.evaluation.resampling import Measured
from facebench.evaluation.store import Features
from facebench.progress import Progress
from facebench.protocol import ScoreKind, known_protocols, table_protocol
from facebench.registry import Registry
from facebench.results.stats.statistics import contests
from facebench.task import Metric, Task, TaskInfo
from facebench.testing.contract import check_task

NAMES = ("hit_rate", "miss_rate")


class NearestMean(Protocol):
    """The class whose mean feature is nearest: by cosine (honest) and by distance (paper)."""

    name = "nearest_mean"
    version = 3

    def table_columns(self, info: TaskInfo) -> tuple[str, ...]:
        return ("label",)

    def check_table(self, info: TaskInfo, table: pd.DataFrame) -> None:
        check_labels(info, table["label"])

    def metrics(self, info: TaskInfo) -> tuple[str, ...]:
        return NAMES

    def columns(self, info: TaskInfo) -> tuple[Metric, ...]:
        wrong = Metric(name="miss_rate", title="Misses (%)", higher_is_better=False, scale=100)
        return (info.main_metric, wrong)

    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        labels = dataset.table["label"].to_numpy(np.int64)
        test = (dataset.table["split"] == "test").to_numpy() & features.readable
        values = features.values.astype(np.float64)
        means = np.stack([values[~test & (labels == n)].mean(0) for n in range(labels.max() + 1)])
        cosine = values[test] @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T
        distance = ((values[test][:, None] - means) ** 2).sum(-1)
        predictions = pd.DataFrame(
            {
                "path": dataset.table["path"][test].to_numpy(),
                "label": labels[test],
                "honest": cosine.argmax(1),
                "paper": distance.argmin(1),
            }
        )
        return Probed(predictions, {"means": len(means)})

    def score(
        self, predictions: pd.DataFrame, choices: Mapping[str, Any], *, resamples: int, seed: int
    ) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        return {kind: score(predictions, kind, resamples, rng) for kind in ("honest", "paper")}

    def floors(self, dataset: Dataset, readable: Bools) -> dict[str, dict[str, float]]:
        share = 1 / len(dataset.task.info.classes)
        return {"blind guess": {"hit_rate": share, "miss_rate": 1 - share}}

    def measures(self, predictions: pd.DataFrame, kind: ScoreKind, of_item: Ints) -> list[Measured]:
        right = np.bincount(of_item, weights=hits(predictions, kind))
        items = np.bincount(of_item)

        def values(times: Floats) -> Floats:
            share = times @ right / (times @ items)
            return np.stack([share, 1 - share], axis=1)

        return [Measured(NAMES, values)]


def hits(predictions: pd.DataFrame, kind: str) -> Bools:
    return (predictions[kind] == predictions["label"]).to_numpy(bool)


def score(
    predictions: pd.DataFrame, kind: str, resamples: int, rng: np.random.Generator
) -> dict[str, Any]:
    right = hits(predictions, kind).mean()
    drawn = rng.binomial(len(predictions), right, resamples) / len(predictions)
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return {
        "hit_rate": float(right),
        "miss_rate": float(1 - right),
        "intervals": {"hit_rate": [low, high], "miss_rate": [1 - high, 1 - low]},
    }


class Dots(Task):
    """The squares of ``conftest``, judged by the protocol above."""

    info = TaskInfo(
        name="dots", title="Dots", version=1, family="expression", dataset="Dots",
        licence="none", obtain="Written by the tests.", layout="train/0_1.png",
        folders=("tiny",), protocol="nearest_mean", image_size=32,
        main_metric=Metric(name="hit_rate", title="Hits (%)", higher_is_better=True, scale=100),
        counts={"train": 96, "test": 48}, classes=("red", "green", "blue"),
    )  # fmt: skip

    def manifest(self, root: Path) -> pd.DataFrame:
        files = sorted(root.glob("*/*.png"))
        if not files:
            raise DataError(f"Dots: found no images below {root}; expected train/0_1.png.")
        return pd.DataFrame(
            {
                "path": [file.relative_to(root).as_posix() for file in files],
                "split": [file.parent.name for file in files],
                "label": [int(file.name[0]) for file in files],
            }
        )


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package that has the protocol."""
    install(tmp_path / "site", f"nearest_mean = {__name__}:NearestMean")
    monkeypatch.syspath_prepend(tmp_path / "site")


def install(site: Path, *points: str, name: str = "fifth") -> None:
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = ["[facebench.protocols]", *points]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def results(
    installed: None, tmp_path: Path, data: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> facebench.Results:
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path / "cache"))
    return facebench.run(
        method="random", task="dots", backbone="tinynet", seeds=[0, 1], floors=False,
        dedup_test=True, data=data, results=tmp_path / "results", device="cpu",
        settings={"probe.resamples": 200}, plugins=[plugin, Path(__file__)],
    )  # fmt: skip


def test_it_is_judged_stored_validated_and_exported(
    results: facebench.Results, tmp_path: Path
) -> None:
    record = results[0].record
    assert tuple(record.task.protocol) == ("nearest_mean", 3)
    assert [column.name for column in record.task.columns] == list(NAMES)
    assert record.floors == {"blind guess": {"hit_rate": 1 / 3, "miss_rate": 1 - 1 / 3}}
    assert (record.n_test, record.n_scored) == (48, 48)
    assert record.details.model_dump(exclude_unset=True) == {"means": 3}
    assert set(json.loads(results[0].path.read_text())["scores"]) == {
        "honest", "paper", "without_leaks"
    }  # fmt: skip
    assert results[0].scores.honest.value("hit_rate") > 0.4  # above the floor
    assert [checked.findings for checked in facebench.validate(tmp_path / "results")] == [(), ()]
    table = results.to_long_frame()
    assert set(table["metric"]) == set(NAMES)
    assert set(table["task_protocol"]) == {"nearest_mean"}
    assert not table[["value", "low", "high"]].isna().to_numpy().any()


def test_it_is_reproduced_from_its_checkpoint(
    results: facebench.Results, tmp_path: Path, data: Path, plugin: Path
) -> None:
    again = facebench.verify(
        results[0], data=data, cache=tmp_path / "cache", device="cpu",
        plugins=[plugin, Path(__file__)],
    )  # fmt: skip
    assert again.reproduced
    assert again.same_rows == 48


def test_what_does_not_follow_from_its_predictions_is_found(
    results: facebench.Results, tmp_path: Path
) -> None:
    path = results[0].path
    record = json.loads(path.read_text())
    record["scores"]["honest"]["hit_rate"] += 0.01
    record["floors"]["blind guess"]["hit_rate"] = 1.5
    path.write_text(json.dumps(record))
    first = next(one for one in facebench.validate(tmp_path / "results") if one.file == path)
    assert {finding.key for finding in first.findings} == {
        "scores.honest.hit_rate", "floors.blind guess.hit_rate",
        "the content",  # which is not the sealed one
    }  # fmt: skip


def test_it_is_compared_and_shown_with_its_floors_and_columns(
    results: facebench.Results, tmp_path: Path, data: Path, plugin: Path, facebench: Any
) -> None:
    metric = results[0].metric
    (contest,) = contests([[results[0]], [results[1]]], [metric]).values()
    values = [result.scores.honest.value("hit_rate") for result in results]
    assert contest.values == pytest.approx(values)
    low, high = results[0].interval or (0, 0)
    assert low < values[0] < high
    shown = facebench(
        "run", "--method", "random", "--task", "dots", "--backbone", "tinynet", "--seeds", "0,1",
        "--no-floors", "--dedup-test", "--data", str(data), "--results", str(tmp_path / "results"),
        "--device", "cpu", "--set", "probe.resamples=200", "--plugin", str(plugin), "--plugin",
        __file__,
    ).stdout  # fmt: skip
    for text in ("blind guess", "Hits (%)", "Misses (%)", "33.33", f"{100 * values[0]:.2f}"):
        assert text in shown
    board = results.leaderboard(tmp_path / "board.txt").read_text()
    assert "Dots" in board
    assert "blind guess" in board


def test_without_its_package_the_result_says_so(results: facebench.Results, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "site/fifth-1.0.dist-info")
    findings = [one.findings for one in facebench.validate(tmp_path / "results")]
    assert {finding.key for found in findings for finding in found} == {"task.protocol[0]"}


def test_without_its_package_it_is_shown_without_what_must_be_computed(
    tmp_path: Path, facebench: Facebench, caplog: pytest.LogCaptureFixture
) -> None:
    for seed in (3, 4):
        path = write_result(tmp_path, "classification", seed=seed).path
        record = json.loads(path.read_text())
        record["task"]["protocol"][0] = "theirs"
        path.write_text(json.dumps(record))
        reseal(path)
    scores = record["scores"]["honest"]
    recall, (lows, highs) = scores["class_recalls"][0], scores["intervals"]["class_recalls"]
    shown = facebench("show", str(path)).output
    assert f"{recall:.2f} [{lows[0]:.2f}, {highs[0]:.2f}]" in shown
    facebench("leaderboard", "--results", str(tmp_path), "--out", str(tmp_path / "b.html"))
    assert "'theirs' is not installed" in caplog.text
    assert (tmp_path / "b.html").is_file()


def test_a_task_is_checked_against_the_metrics_of_its_protocol(installed: None) -> None:
    assert "options are a frozen dataclass" in list(check_task(Dots))

    class Wrong(Dots):
        info = TaskInfo(**{**vars(Dots.info), "protocol": "classification"})

    with pytest.raises(PluginError, match="hit_rate.*accuracy, macro_f1"):
        list(check_task(Wrong))


def test_one_name_has_one_owner(
    installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nearest_mean" in known_protocols()
    assert Registry((Path(__file__),)).load("task", "dots").info.protocol == "nearest_mean"
    install(tmp_path / "other", f"nearest_mean = {__name__}:Dots", name="other")
    monkeypatch.syspath_prepend(tmp_path / "other")
    with pytest.raises(PluginError, match="registered by .*Dots and .*NearestMean"):
        table_protocol("nearest_mean")
    install(tmp_path / "third", f"dots = {__name__}:Dots", name="third")
    monkeypatch.syspath_prepend(tmp_path / "third")
    with pytest.raises(PluginError, match="expected a subclass of facebench.evaluation.protocol"):
        table_protocol("dots")
