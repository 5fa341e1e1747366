"""Merging copies all or nothing; the long table has every score once."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCardData
from result_world import write_result
from stored_world import classes, write
from whole_results import reseal

import facebench as fb
from conftest import Facebench
from facebench.results.export import long_table
from facebench.results.merging import MergeError, merge
from facebench.results.store import read_result

Copy = Callable[[str], Path]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("originals")
    for kind in ("classification", "regression"):
        write_result(root, kind)
    write_result(root, "classification", dedup_test=True)
    return root


@pytest.fixture
def copied(originals: Path, tmp_path: Path) -> Copy:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(originals, tmp_path / name))

    return copy


def first(root: Path) -> Path:
    return min(root.glob("tiny_classification/*.json"))


def change(path: Path, name: str, value: object) -> None:
    record = json.loads(path.read_text())
    record[name] = value
    path.write_text(json.dumps(record))
    reseal(path)


def test_results_stand_in_the_folder_of_their_task_with_their_predictions(
    copied: Copy, tmp_path: Path
) -> None:
    one, other = copied("one"), copied("deep/er")
    for path in one.glob("tiny_regression/*"):
        path.unlink()
    done = merge([one, other], tmp_path / "all")
    names = sorted(p.relative_to(other) for p in other.rglob("*") if p.is_file())
    assert names == sorted(
        p.relative_to(tmp_path / "all") for p in (tmp_path / "all").rglob("*") if p.is_file()
    )
    for name in names:
        assert (tmp_path / "all" / name).read_bytes() == (other / name).read_bytes()
    assert (len(done.copied), len(done.skipped)) == (3, 2)
    again = merge([other], tmp_path / "all")
    assert (again.copied, len(again.skipped)) == ((), 3)


def test_the_same_measured_again_elsewhere_is_the_same(copied: Copy, tmp_path: Path) -> None:
    one, other = copied("one"), copied("other")
    change(first(other), "created", "2030-01-01T00:00:00+00:00")
    change(first(other), "seconds", {"pretrain": 1.0, "extract": 2.0, "probe": 3.0})
    merge([one], tmp_path / "all")
    merge([other], tmp_path / "all")
    assert first(tmp_path / "all").read_bytes() == first(one).read_bytes()


def test_another_content_under_the_same_name_is_refused_and_nothing_is_copied(
    copied: Copy, tmp_path: Path
) -> None:
    one, other = copied("one"), copied("other")
    change(first(other), "broken_images", 2)
    with pytest.raises(MergeError, match="nothing was copied") as caught:
        merge([one, other], tmp_path / "all")
    (reason,) = caught.value.reasons
    assert reason == f"{first(other)} and {first(one)}: broken_images: 2 and 0"
    assert not (tmp_path / "all").exists()
    merge([one], tmp_path / "all")
    with pytest.raises(MergeError, match="broken_images: 2 and 0"):
        merge([other], tmp_path / "all")


def test_other_predictions_with_the_same_scores_are_refused(copied: Copy, tmp_path: Path) -> None:
    one, other = copied("one"), copied("other")
    file = first(other).with_suffix(".parquet")
    table = pd.read_parquet(file)
    table["path"] = "x/" + table["path"]
    table.to_parquet(file, index=False)
    reseal(first(other))
    with pytest.raises(MergeError, match="the predictions: 48 rows and 48 other rows"):
        merge([one, other], tmp_path / "all")


def test_a_wrong_result_is_not_merged(copied: Copy, tmp_path: Path) -> None:
    one = copied("one")
    change(first(one), "n_test", 7)
    with pytest.raises(MergeError, match="n_test: found 7; expected 48"):
        merge([one], tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_the_long_table_has_every_score_with_its_interval(originals: Path) -> None:
    paths = sorted(originals.rglob("*.json"))
    results = [read_result(path) for path in paths]
    table = long_table(results)
    for result in results:
        rows = table[table["result"] == result.record.stages.result]
        for protocol, key in (("validated", "honest"), ("test-selected", "paper")):
            block = result.scores.plain()[key]
            of_block = rows[rows["protocol"] == protocol].set_index("metric")
            for metric, ends in block["intervals"].items():
                expected = (
                    [(f"{metric}[{n}]", v, ends[0][n], ends[1][n])
                     for n, v in enumerate(block[metric])]
                    if isinstance(block[metric], list) else [(metric, block[metric], *ends)]
                )  # fmt: skip
                for name, *values in expected:
                    assert of_block.loc[name, ["value", "low", "high"]].tolist() == values
            assert not {"best_epoch", "confusion"} & set(of_block.index)
    assert not table.duplicated(["result", "protocol", "metric"]).any()
    assert set(table["protocol"]) == {
        f"{kind}{leaks}"
        for kind in ("validated", "test-selected")
        for leaks in ("", ", without exact leaks", ", without exact and near leaks")
    }
    assert set(table["seed"]) == {3}


def test_every_format_holds_the_same_table(
    originals: Path, tmp_path: Path, facebench: Facebench
) -> None:
    shown = facebench("results", "export", str(originals))
    expected = pd.read_csv(io.StringIO(shown.stdout))
    for kind, read in (("csv", pd.read_csv), ("json", pd.read_json), ("parquet", pd.read_parquet)):
        file = tmp_path / f"table.{kind}"
        facebench("results", "export", str(originals), "--format", kind, "--out", str(file))
        found = read(file)
        assert list(found) == list(expected)
        for column in ("task", "metric", "protocol", "result"):
            assert found[column].tolist() == expected[column].tolist()
        pd.testing.assert_series_equal(found["value"], expected["value"], rtol=1e-12)
    done = facebench("results", "export", str(originals), "--format", "xls", status=2)
    assert "unknown format 'xls'" in done.stderr
    done = facebench("results", "export", str(originals), "--format", "parquet", status=2)
    assert "--out" in done.stderr


def test_a_model_card_has_the_validated_scores_as_printed(
    originals: Path, tmp_path: Path, facebench: Facebench
) -> None:
    card = tmp_path / "card.yaml"
    facebench("results", "export", str(originals), "--format", "hf", "--out", str(card))
    shown = facebench("results", "export", str(originals), "--format", "hf").stdout
    assert yaml.safe_load(shown) == yaml.safe_load(card.read_text())
    head: Any = ModelCardData(model_name="mine", **yaml.safe_load(card.read_text()))
    assert head.to_dict()["model-index"] == yaml.safe_load(shown)["model-index"]
    models = yaml.safe_load(shown)["model-index"]
    results = [read_result(path) for path in sorted(originals.glob("*/*.json"))]
    assert len(models) == len({result.record.stages.checkpoint for result in results})
    found = {
        (entry["dataset"]["revision"], metric["type"], metric["args"]["result"]): metric
        for model in models for entry in model["results"] for metric in entry["metrics"]
    }  # fmt: skip
    assert len(found) >= len(results)
    for result in results:
        task, metric = result.record.task, result.metric
        one = found[task.fingerprint, metric.name, result.record.stages.result]
        value = result.scores.honest.value(metric.name)
        assert value is not None
        assert one["value"] == pytest.approx(metric.scale * value, abs=1e-4)
        expected = [metric.scale * end for end in result.interval or ()]
        assert one["args"].get("interval_95", []) == pytest.approx(expected, abs=1e-4)


def test_a_model_card_says_which_scores_are_of_a_part_of_the_images(tmp_path: Path) -> None:
    for limit in (0, 8):
        write(tmp_path, classes([True, False, True, True]), limit=limit)
    models = yaml.safe_load(fb.load_results(tmp_path).model_card())["model-index"]
    args = [
        metric["args"]
        for model in models
        for entry in model["results"]
        for metric in entry["metrics"]
        if metric["type"] == "accuracy"
    ]
    assert sorted(one.get("limit_of_each_split", 0) for one in args) == [0, 8]


def test_the_command_says_what_it_copied(
    originals: Path, tmp_path: Path, facebench: Facebench
) -> None:
    into = str(tmp_path / "all")
    assert "3 copied, 0 were there" in facebench(
        "results", "merge", str(originals), "--into", into
    ).stdout  # fmt: skip
    assert "0 copied, 3 were there" in facebench(
        "results", "merge", str(originals), "--into", into
    ).stdout  # fmt: skip
    done = facebench("results", "merge", str(tmp_path / "none"), "--into", into, status=2)
    assert "no such folder" in done.stderr
