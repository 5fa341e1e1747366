"""Stored predictions and a stored record give the stored scores again, bit by bit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from result_world import KINDS, judged, leaks_of, protocol_of, spec_of

from facebench.audit.leak_free import leak_free_scores
from facebench.errors import DataError
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.protocol import protocol_named
from facebench.evaluation.protocols.rescoring import (
    Judged,
    leak_free_from_predictions,
    scores_from_predictions,
)
from facebench.evaluation.target_columns import target_names


def stored(kind: str, outcome: Judgement, folder: Path) -> tuple[Judged, pd.DataFrame]:
    """Write and read what a result is made of."""
    scores = json.loads(json.dumps(outcome.scores))
    outcome.predictions.to_parquet(folder / "p.parquet", index=False)
    judged = Judged(protocol_of(kind), scores, spec_of(kind).resamples)
    return judged, pd.read_parquet(folder / "p.parquet")


def without_monitored(judged: Judged) -> dict[str, Any]:
    monitored = protocol_named(judged.protocol).monitored
    return {
        kind: {name: value for name, value in block.items() if name not in monitored}
        for kind, block in judged.scores.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_that_were_stored(kind: str, tmp_path: Path) -> None:
    outcome = judged(kind)
    record, predictions = stored(kind, outcome, tmp_path)
    found = scores_from_predictions(record, predictions)
    assert found == without_monitored(record)
    assert (found != record.scores) == (kind not in ("cosine", "centred"))


@pytest.mark.parametrize("kind", KINDS)
def test_some_rows_are_scored_as_the_protocol_scores_them(kind: str, tmp_path: Path) -> None:
    outcome = judged(kind)
    record, predictions = stored(kind, outcome, tmp_path)
    kept = np.random.default_rng(5).random(len(predictions)) < 0.8
    assert scores_from_predictions(record, predictions[kept]) == outcome.rescore(kept)


def test_scores_follow_the_predictions_and_the_number_of_resamples(tmp_path: Path) -> None:
    record, predictions = stored("classification", judged("classification"), tmp_path)
    wrong = predictions.assign(honest=(predictions["label"] + 1) % 4)
    found = scores_from_predictions(record, wrong, resamples=120)["honest"]
    assert (found["accuracy"], found["intervals"]["accuracy"]) == (0.0, [0.0, 0.0])
    fewer = scores_from_predictions(record, predictions, resamples=120)["paper"]
    assert fewer["accuracy"] == record.scores["paper"]["accuracy"]
    assert fewer["intervals"] != record.scores["paper"]["intervals"]


def test_scores_without_leaks_are_computed_again_from_the_rows_that_were_left_out(
    tmp_path: Path,
) -> None:
    outcome = judged("classification")
    levels = leak_free_scores(outcome, leaks_of(outcome, exact=5, near=2))
    whole = replace(outcome, scores={**outcome.scores, **levels})
    record, predictions = stored("classification", whole, tmp_path)
    found = leak_free_from_predictions(record, predictions)
    for name, removed in (("exact", 5), ("exact and near", 7)):
        level = dict(record.scores["without_leaks"][name])
        assert level.pop("removed_rows") == list(range(removed))
        assert found[name] == level


def test_errors_by_yaw_are_those_that_were_stored(tmp_path: Path) -> None:
    outcome = judged("regression")
    _, predictions = stored("regression", outcome, tmp_path)
    again = protocol_named("regression").rescored_details(outcome.details, predictions)
    assert again == {"errors_by_yaw": outcome.details["errors_by_yaw"]}


def test_targets_are_in_the_order_of_the_columns() -> None:
    columns = ["path", "label_yaw", "honest_yaw", "label_pitch"]
    assert target_names(pd.DataFrame(columns=columns)) == ("yaw", "pitch")


def test_mistakes_are_named(tmp_path: Path) -> None:
    record, predictions = stored("classification", judged("classification"), tmp_path)
    with pytest.raises(DataError, match="expected 'paper_last' too"):
        scores_from_predictions(record, predictions.drop(columns="paper_last"))
    record = replace(record, protocol="ranking")
    with pytest.raises(DataError, match="unknown protocol 'ranking'"):
        scores_from_predictions(record, predictions)
