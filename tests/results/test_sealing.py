"""A sealed result: whatever is changed in it, its readers leave it out, and say so."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from result_world import write_result
from stored_world import classes, write
from typer.testing import CliRunner

import facebench as fb
from facebench.cli import app
from facebench.errors import StageError
from facebench.results.sealing import sealed_result
from facebench.results.store import read_result
from facebench.results.validation import usable, validate_result
from facebench.runtime.workspace import to_json


def sealed(root: Path, seed: int = 0) -> Path:
    """Write a result, and seal it."""
    result = write(root, classes([True, True, False, True]), seed=seed)
    record = {**json.loads(result.path.read_text()), "format": 3}
    result.path.write_text(to_json(sealed_result(record, result.predictions_path)))
    return result.path


def edit(path: Path, change: Callable[[Any], None]) -> None:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


EDITS: dict[str, Callable[[Any], None]] = {
    "score": lambda r: r["scores"]["honest"].update(accuracy=0.99),
    "leaks": lambda r: r["task"]["leaks"].update(exact=0, near=7),
    "synthetic": lambda r: r["task"].update(synthetic=not r["task"]["synthetic"]),
    "seal of the predictions": lambda r: r["seal"]["files"].update(predictions="0" * 32),
    "text as a score": lambda r: r["scores"]["honest"].update(accuracy="0.99"),
    "NaN as a score": lambda r: r["scores"]["honest"].update(accuracy=float("nan")),
    "no seal": lambda r: r.pop("seal"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_an_error_that_names_the_file(tmp_path: Path, name: str) -> None:
    path = sealed(tmp_path)
    assert read_result(path).record.seal is not None
    edit(path, EDITS[name])
    with pytest.raises(StageError, match=path.name):
        read_result(path)
    assert list(validate_result(path))


def test_predictions_of_far_more_items_than_were_scored_are_not_read(tmp_path: Path) -> None:
    path = sealed(tmp_path)
    predictions = path.with_suffix(".parquet")
    first = pd.read_parquet(predictions).iloc[[0]]
    first.loc[first.index.repeat(200_000)].to_parquet(predictions, index=False)
    assert predictions.stat().st_size < 20_000  # equal rows take no space
    path.write_text(to_json(sealed_result(json.loads(path.read_text()), predictions)))
    with pytest.raises(StageError, match="200,000 rows of 2 scored items"):
        _ = read_result(path).predictions
    assert list(validate_result(path))


@pytest.mark.parametrize("harm", ["missing", "cut off", "changed"])
def test_predictions_are_part_of_it(tmp_path: Path, harm: str) -> None:
    path = sealed(tmp_path)
    file = path.with_suffix(".parquet")
    whole = file.read_bytes()
    if harm == "missing":
        file.unlink()
    else:
        changed = whole[: len(whole) // 2] + (b"" if harm == "cut off" else b"x")
        file.write_bytes(changed if harm == "cut off" else changed + whole[len(changed) :])
    with pytest.raises(StageError, match="the predictions"):
        read_result(path)
    assert any(finding.key == "the predictions" for finding in validate_result(path))


def test_the_same_content_in_other_bytes_is_still_sealed(tmp_path: Path) -> None:
    path = sealed(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text())))  # no indent, another order
    assert read_result(path).record.seal is not None


def test_readers_of_a_folder_leave_it_out_and_say_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = sealed(tmp_path / "r"), sealed(tmp_path / "r", seed=1)
    edit(bad, EDITS["score"])
    with caplog.at_level(logging.WARNING):
        found = fb.load_results(tmp_path / "r")
    assert [result.path for result in found] == [good]
    assert f"left out: {bad}" in caplog.text
    with pytest.raises(StageError, match=bad.name):  # what is published is whole
        fb.publish(tmp_path / "r", tmp_path / "out")
    edit(good, EDITS["score"])
    with pytest.raises(StageError, match="changed since it was written"):
        fb.load_results(tmp_path / "r")
    for words in (["show", str(bad)], ["compare", str(bad), str(good)]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2
        assert bad.name in done.output


def test_of_a_result_without_a_seal_the_scores_are_computed_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = write_result(tmp_path, "classification")
    edit(result.path, EDITS["no seal"])
    edit(result.path, lambda record: record.update(format=2))
    old = read_result(result.path)
    assert old.record.seal is None
    assert usable(old)
    edit(result.path, EDITS["score"])
    edited = read_result(result.path)  # no digest can tell
    with caplog.at_level(logging.WARNING):
        assert not usable(edited)
    assert "scores.honest.accuracy: found 0.99" in caplog.text
    result.predictions_path.unlink()
    with pytest.raises(StageError, match="the predictions: found nothing"):
        read_result(result.path)
