"""Results of earlier formats get the intervals that this version draws, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from result_world import KINDS, write_result
from whole_results import reseal

import facebench as fb
from conftest import Facebench
from facebench.errors import StageError
from facebench.results.rescored import rescore_folder
from facebench.results.store import SIGNATURE, read_result
from facebench.results.validation import validate_result


def as_format_3(path: Path) -> bytes:
    """Give a result other intervals, as format 3 has them, and return what it was."""
    before = path.read_bytes()
    record = json.loads(before)
    record["format"] = 3
    _widen(record["scores"])
    path.write_text(json.dumps(record))
    reseal(path)
    return before


def _widen(scores: Any) -> None:
    """Replace every interval below by one that holds its score still."""
    for name, block in scores.items():
        if name == "intervals":
            for metric, (low, high) in block.items():
                many = isinstance(low, list)
                block[metric] = (
                    [[_moved(end, -0.01) for end in low], [_moved(end, 0.01) for end in high]]
                    if many else [_moved(low, -0.01), _moved(high, 0.01)]
                )  # fmt: skip
        elif isinstance(block, dict):
            _widen(block)


def _moved(end: float | None, by: float) -> float | None:
    return None if end is None else end + by


@pytest.mark.parametrize("kind", [*KINDS, "dedup"])
def test_a_result_is_as_if_this_version_had_written_it(kind: str, tmp_path: Path) -> None:
    dedup = kind == "dedup"
    path = write_result(tmp_path, "classification" if dedup else kind, dedup_test=dedup).path
    path.with_suffix(SIGNATURE).write_text("of what it was")
    predictions = path.with_suffix(".parquet").read_bytes()
    written = as_format_3(path)
    (finding,) = validate_result(path)
    assert (finding.key, finding.found) == ("format", 3)
    assert "facebench results rescore" in finding.expected
    assert list(rescore_folder(tmp_path)) == [path]
    assert path.read_bytes() == written
    assert path.with_suffix(".parquet").read_bytes() == predictions
    assert not path.with_suffix(SIGNATURE).exists()
    assert list(validate_result(path)) == []
    assert fb.rescore(tmp_path) == []


def test_a_score_that_does_not_follow_from_predictions_is_not_sealed_again(tmp_path: Path) -> None:
    path = write_result(tmp_path, "cosine").path
    as_format_3(path)
    record = json.loads(path.read_text())
    record["scores"]["honest"]["roc_auc"] = 0.99
    path.write_text(json.dumps(record))
    reseal(path)
    before = path.read_bytes()
    with pytest.raises(StageError, match=r"scores\.honest\.roc_auc: found 0\.99"):
        list(rescore_folder(tmp_path))
    assert path.read_bytes() == before


def test_pairs_of_an_earlier_format_have_the_interval_that_is_drawn_for_tables(
    tmp_path: Path,
) -> None:
    result = write_result(tmp_path, "cosine")
    drawn = result.interval
    as_format_3(result.path)
    old = read_result(result.path)
    assert old.scores.honest.ends("accuracy") != drawn
    assert old.interval == drawn
    old.predictions_path.unlink()
    assert old.interval is None


def test_the_command_says_what_it_wrote(facebench: Facebench, tmp_path: Path) -> None:
    path = write_result(tmp_path, "regression").path
    as_format_3(path)
    wrong = facebench("results", "validate", str(tmp_path), status=1)
    assert "found 3; expected 4" in wrong.output
    done = facebench("results", "rescore", str(tmp_path))
    assert path.name in done.output
    assert "1 result has new intervals" in done.output
    assert "found, nothing to do" in facebench("results", "rescore", str(tmp_path)).output
    assert "1 results are valid" in facebench("results", "validate", str(tmp_path)).output
    missing = facebench("results", "rescore", str(tmp_path / "none"), status=2)
    assert "no such folder" in missing.output


def _without_rows(path: Path) -> None:
    record = json.loads(path.read_text())
    for level in record["scores"]["without_leaks"].values():
        del level["removed_rows"]
    path.write_text(json.dumps(record))
    reseal(path)


def test_scores_without_leaks_that_cannot_be_computed_again_are_found(tmp_path: Path) -> None:
    path = write_result(tmp_path, "classification", dedup_test=True).path
    _without_rows(path)
    keys = [finding.key for finding in validate_result(path)]
    assert keys == [
        f"scores.without_leaks.{level}.removed_rows" for level in ("exact", "exact and near")
    ]
    as_format_3(path)
    before = path.read_bytes()
    with pytest.raises(StageError, match="which rows were left out"):
        list(rescore_folder(tmp_path))
    assert path.read_bytes() == before


def test_a_result_that_cannot_be_rescored_keeps_its_signature_and_is_named(
    tmp_path: Path,
) -> None:
    path = write_result(tmp_path, "classification").path
    as_format_3(path)
    record = json.loads(path.read_text())
    record["task"]["protocol"][0] = "theirs"
    path.write_text(json.dumps(record))
    reseal(path)
    signature = path.with_suffix(SIGNATURE)
    signature.write_text("of what it is")
    with pytest.raises(StageError, match=rf"{path.name}: unknown protocol 'theirs'"):
        list(rescore_folder(tmp_path))
    assert signature.exists()
