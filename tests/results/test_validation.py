"""What is planted in a result is found, by its key; what is as it was written passes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from result_world import KINDS, write_result
from whole_results import reseal

from conftest import Facebench
from facebench.errors import StageError
from facebench.results import validation
from facebench.results.finding import find_results
from facebench.results.store import Result, result_key
from facebench.results.validation import Finding, validate_folder, validate_result
from facebench.runtime import pool
from facebench.runtime.differences import Difference


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    root = tmp_path_factory.mktemp("results")
    results = {kind: write_result(root, kind) for kind in KINDS}
    return results | {"dedup": write_result(root, "classification", dedup_test=True)}


@pytest.fixture
def copied(written: dict[str, Result], tmp_path: Path) -> Callable[[str], Path]:
    def copy(kind: str) -> Path:
        source = written[kind].path
        target = tmp_path / source.parent.name / source.name
        target.parent.mkdir(exist_ok=True)
        for suffix in (".json", ".parquet"):
            shutil.copy(source.with_suffix(suffix), target.with_suffix(suffix))
        return target

    return copy


def overwrite(path: Path, name: str, value: Any) -> None:
    record = json.loads(path.read_text())
    *above, last = name.split("/")
    holder = record
    for step in above:
        holder = holder[int(step) if isinstance(holder, list) else step]
    holder[int(last) if isinstance(holder, list) else last] = value
    path.write_text(json.dumps(record))
    reseal(path)


def found(path: Path) -> dict[str, Finding]:
    return {finding.key: finding for finding in validate_result(path)}


@pytest.mark.parametrize("kind", [*KINDS, "dedup"])
def test_a_result_as_it_was_written_is_valid(written: dict[str, Result], kind: str) -> None:
    assert list(validate_result(written[kind].path)) == []


@pytest.mark.parametrize(
    ("kind", "name", "value", "key"),
    [
        ("classification", "scores/honest/accuracy", 0.99, "scores.honest.accuracy"),
        ("classification", "scores/honest/intervals/macro_f1/0", 0.01,
         "scores.honest.intervals.macro_f1[0]"),
        ("classification", "scores/honest/confusion/1/2", 40, "scores.honest.confusion[1][2]"),
        ("classification", "scores/honest/made_up", 0.9, "scores.honest.made_up"),
        ("classification", "scores/paper/best_epoch", 5, "scores.paper.best_epoch"),
        ("classification", "scores/paper/test_accuracy_by_epoch/3", 0.5,
         "scores.paper.accuracy_last_epoch"),
        ("classification", "floors/majority class/accuracy", 1.2,
         "floors.majority class.accuracy"),
        ("classification", "floors/majority class/f7", 0.2, "floors.majority class.f7"),
        ("classification", "n_scored", 40, "the predictions' rows"),
        ("classification", "n_scored", 4000, "n_scored"),
        ("classification", "n_test", 49, "n_test"),
        ("classification", "spec/seed", 4, "stages.result"),
        ("classification", "spec/probe/epochs", 5, "stages.result"),
        ("classification", "stages/features", "f" * 16, "stages.result"),
        ("classification", "spec/dedup_test", True, "scores.without_leaks"),
        ("classification", "spec/backbone", "other", "the name of the file"),
        ("classification", "spec/method", "pcl", "method.name"),
        ("classification", "task/name", "fer2013", "task.name"),
        ("classification", "format", 1, "format"),
        ("classification", "method/title", 7, "method.title"),
        ("dedup", "scores/without_leaks/exact/honest/accuracy", 0.9,
         "scores.without_leaks.exact.honest.accuracy"),
        ("dedup", "scores/without_leaks/exact/removed", 4,
         "scores.without_leaks.exact.removed"),
        ("multilabel", "scores/honest/f1_au12", 0.9, "scores.honest.f1_au12"),
        ("multilabel", "scores/paper/f1_by_fold/1", 0.9, "scores.paper.f1_by_fold[1]"),
        ("multilabel", "scores/paper/best_epoch_by_fold/2", 9,
         "scores.paper.best_epoch_by_fold[2]"),
        ("regression", "scores/paper/mae_roll", 1.0, "scores.paper.mae_roll"),
        ("regression", "scores/paper/best_epoch", 9, "scores.paper.best_epoch"),
        ("regression", "details/errors_by_yaw/honest/0/mae", 1.0,
         "details.errors_by_yaw.honest[0].mae"),
        ("cosine", "scores/honest/roc_auc", 0.9, "scores.honest.roc_auc"),
        ("cosine", "scores/paper/intervals/accuracy/1", 0.9,
         "scores.paper.intervals.accuracy[1]"),
        ("learned", "scores/paper/test_accuracy_by_fold_and_epoch/0/2", 0.123,
         "scores.paper.accuracy_by_fold[0]"),
    ],
)  # fmt: skip
def test_what_is_planted_is_found(
    copied: Callable[[str], Path], kind: str, name: str, value: Any, key: str
) -> None:
    path = copied(kind)
    overwrite(path, name, value)
    findings = found(path)
    assert key in findings
    line = str(findings[key])
    assert line.startswith(f"{path}: {key}: found ")
    assert "; expected " in line


def test_a_number_that_is_off_by_rounding_passes(copied: Callable[[str], Path]) -> None:
    path = copied("classification")
    accuracy = json.loads(path.read_text())["scores"]["honest"]["accuracy"]
    overwrite(path, "scores/honest/accuracy", accuracy + 1e-12)
    assert found(path) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_changed_predictions_are_found(copied: Callable[[str], Path], kind: str) -> None:
    path = copied(kind).with_suffix(".parquet")
    table = pd.read_parquet(path)
    column = next(name for name in table if str(name).startswith("honest"))
    table[column] = table[column].to_numpy()[::-1]
    table.to_parquet(path, index=False)
    assert any(key.startswith("scores.honest") for key in found(path.with_suffix(".json")))


def test_a_threshold_that_does_not_fit_its_folds_is_found(copied: Callable[[str], Path]) -> None:
    path = copied("cosine")
    record = json.loads(path.read_text())
    overwrite(path, "scores/honest/thresholds", [*record["scores"]["honest"]["thresholds"], 0.5])
    assert "cannot be scored" in found(path)["the predictions"].found


def test_an_interval_without_its_score_is_found_where_rows_are_not_named(
    copied: Callable[[str], Path],
) -> None:
    path = copied("dedup")
    record = json.loads(path.read_text())
    for level in record["scores"]["without_leaks"].values():
        del level["removed_rows"]
    record["format"] = 3  # this version names them
    path.write_text(json.dumps(record))
    reseal(path)
    assert list(found(path)) == ["format"]
    overwrite(path, "scores/without_leaks/exact/honest/accuracy", 0.99)
    assert list(found(path)) == ["format", "scores.without_leaks.exact.honest.accuracy"]


def test_predictions_that_are_missing_cut_or_no_table_are_found(
    copied: Callable[[str], Path],
) -> None:
    path = copied("classification")
    predictions = path.with_suffix(".parquet")
    table = pd.read_parquet(predictions)
    table.drop(columns="paper_last").to_parquet(predictions, index=False)
    assert "expected 'paper_last' too" in found(path)["the predictions"].found
    predictions.write_text("no parquet")
    assert "cannot be read" in found(path)["the predictions"].found
    predictions.unlink()
    assert found(path)["the predictions"].found == "nothing"
    path.write_text("no json")
    assert found(path)["the file"].expected == "JSON"


def test_a_file_of_another_name_is_found(copied: Callable[[str], Path], tmp_path: Path) -> None:
    path = copied("classification")
    other = tmp_path / "fer2013"
    path.parent.rename(other)
    assert found(other / path.name)["the name of the file"].expected == (
        f"tiny_classification/{path.name}"
    )


def test_results_are_found_and_what_is_none_is_not(
    copied: Callable[[str], Path], tmp_path: Path
) -> None:
    path = copied("classification")
    renamed = path.with_name("mine.json")
    shutil.copy(path, renamed)
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / ".git").mkdir()
    shutil.copy(path, tmp_path / ".git" / path.name)
    lonely = tmp_path / "lonely.parquet"
    shutil.copy(path.with_suffix(".parquet"), lonely)
    assert find_results(tmp_path) == (sorted([renamed, path]), [lonely])
    wrong = {one.file for one in validate_folder(tmp_path) if one.findings}
    assert wrong == {renamed, lonely}


def test_nothing_to_check_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="found no result"):
        list(validate_folder(tmp_path))
    with pytest.raises(StageError, match="no such folder"):
        list(validate_folder(tmp_path / "none"))


def test_the_key_of_a_run_is_the_one_that_is_validated(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    facebench(
        "run", "--method", "random", "--task", "tiny", "--backbone", "tinynet", "--plugin",
        str(plugin), "--set", "probe.epochs=2", "--set", "probe.resamples=100", "--dedup-test",
    )  # fmt: skip
    results = tmp_path / "results" / "runs"
    done = facebench("results", "validate", str(results))
    assert "1 results are valid" in done.stdout
    (path,) = results.glob("tiny/*.json")
    record = json.loads(path.read_text())
    spec, stages = record["spec"], record["stages"]
    assert stages["result"] == result_key(
        record["task"]["protocol"], stages["features"], spec["probe"], seed=0, dedup_test=True
    )
    overwrite(path, "scores/honest/accuracy", 1.0)
    done = facebench("results", "validate", str(results), status=1)
    assert "scores.honest.accuracy: found 1.0; expected 0." in done.stdout
    assert "1 of 1 files are wrong" in done.stderr


def test_scores_are_computed_once_for_the_same_files(
    copied: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path / ".cache"))
    computed, compute = list[Path](), validation._scores

    def noting(result: Result) -> Iterator[Difference]:
        computed.append(result.path)
        return compute(result)

    monkeypatch.setattr(validation, "_scores", noting)
    path = copied("classification")
    for anew, count in ((False, 1), (False, 1), (True, 2)):
        (one,) = validate_folder(tmp_path, anew=anew)
        assert not one.findings
        assert len(computed) == count
    overwrite(path, "scores/honest/accuracy", 0.123)  # with a seal that fits
    for count in (3, 4):  # what is wrong is computed each time
        (one,) = validate_folder(tmp_path)
        assert next(finding.key for finding in one.findings) == "scores.honest.accuracy"
        assert len(computed) == count


def test_several_processes_find_what_one_finds(
    copied: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "FEW", 1)
    for kind in KINDS[:3]:
        copied(kind)
    overwrite(copied("multilabel"), "scores/honest/f1", 0.123)
    alone = list(validate_folder(tmp_path, anew=True))
    assert sum(bool(one.findings) for one in alone) == 1
    assert list(validate_folder(tmp_path, anew=True, processes=2)) == alone


def test_no_process_is_started_for_what_was_found_valid_before(
    copied: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[int]()

    def noting(function: Callable[[Path], Any], items: list[Path], processes: int, **_: Any) -> Any:
        asked.append(processes)
        return map(function, items)

    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path / ".cache"))
    monkeypatch.setattr(validation, "FEW", 1)
    monkeypatch.setattr(pool, "FEW", 1)
    monkeypatch.setattr(validation, "computed", noting)
    for kind in KINDS[:3]:
        copied(kind)
    first = list(validate_folder(tmp_path, processes=3))
    assert list(validate_folder(tmp_path, processes=3)) == first
    assert asked == [3, 1]
    overwrite(copied("multilabel"), "scores/honest/f1", 0.123)
    assert len(list(validate_folder(tmp_path, processes=3))) == 3
    assert asked == [3, 1, 2]
    assert list(validate_folder(tmp_path, anew=True, processes=3))
    assert asked[-1] == 3
