"""Predictions that are rare: folds of several sizes, and numbers that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from facebench.errors import DataError
from facebench.evaluation.protocol import protocol_named
from facebench.evaluation.resampling import draw, measure, undrawn
from facebench.evaluation.units import units

CHOICES = {
    "variants": {"honest": "a", "paper": "b"},
    "thresholds": {"honest": [0.0] * 3, "paper": [0.0] * 3},
}


def pairs(folds: list[int], seed: int = 0) -> pd.DataFrame:
    """Return pairs of people who are in one pair alone; ``folds`` has the size of each fold."""
    rng, count = np.random.default_rng(seed), sum(folds)
    same = np.arange(count) % 2 == 0
    other = np.where(same, "", "x")
    similarities = rng.normal(same, 1)
    return pd.DataFrame(
        {
            "first": [f"p{n}_1.jpg" for n in range(count)],
            "second": [f"p{n}{mark}_2.jpg" for n, mark in enumerate(other)],
            "same": same,
            "fold": np.repeat(np.arange(len(folds)), folds),
            **{f"{kind}_similarity": similarities for kind in ("honest", "paper")},
            **dict.fromkeys(("honest", "paper"), similarities > 0.5),
        }
    )


def scored(frame: pd.DataFrame) -> Any:
    return protocol_named("verification").score(frame, CHOICES, resamples=400, seed=0)["honest"]


def test_the_interval_of_pairs_is_of_the_mean_over_folds_also_of_several_sizes() -> None:
    frame = pairs([4, 100, 100])
    frame.loc[:3, "honest"] = ~frame.loc[:3, "same"]  # a fold in which all decisions are wrong
    found = scored(frame)
    right = (frame["honest"] == frame["same"]).groupby(frame["fold"]).mean()
    assert found["accuracy"] == pytest.approx(right.mean())
    low, high = found["intervals"]["accuracy"]
    assert low <= found["accuracy"] <= high
    drawn = units(frame)
    parts = protocol_named("verification").measures(frame, "honest", drawn.of_item)
    assert undrawn(drawn, measure(parts, ["accuracy"])) == pytest.approx(right.mean())


def test_of_folds_of_one_size_it_is_that_of_all_pairs() -> None:
    frame = pairs([20, 20, 20])
    drawn = units(frame)
    times = draw(drawn.strata, np.random.default_rng(0), 400)
    right = (frame["honest"] == frame["same"]).to_numpy()
    values = times[:, drawn.of_item] @ right / times[:, drawn.of_item].sum(1)
    found = scored(frame)["intervals"]["accuracy"]
    np.testing.assert_allclose(found, np.quantile(values, [0.025, 0.975]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_similarities_that_are_no_numbers_are_refused(value: float) -> None:
    frame = pairs([20, 20, 20])
    frame.loc[[2, 7], "honest_similarity"] = value
    with pytest.raises(DataError, match="found 2 of 60 honest similarities"):
        scored(frame)


def test_more_folds_than_thresholds_are_refused() -> None:
    with pytest.raises(DataError, match="found some in 4 of 3 folds"):
        scored(pairs([20, 20, 20, 20]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_predicted_angles_that_are_no_numbers_are_refused(value: float) -> None:
    rng = np.random.default_rng(0)
    kinds = ("label", "honest", "paper", "paper_last")
    frame = pd.DataFrame({f"{kind}_yaw": rng.normal(size=9) for kind in kinds})
    frame.loc[4, "honest_yaw"] = value
    with pytest.raises(DataError, match="found 1 of 9 items with honest or true numbers"):
        protocol_named("regression").score(frame, {}, resamples=100, seed=0)


def test_true_angles_that_are_missing_are_refused() -> None:
    kinds = ("label", "honest", "paper", "paper_last")
    frame = pd.DataFrame({f"{kind}_yaw": np.arange(9.0) for kind in kinds}).astype(object)
    frame.loc[4, "label_yaw"] = None
    with pytest.raises(DataError, match="found 1 of 9 items with honest or true numbers"):
        protocol_named("regression").score(frame, {}, resamples=100, seed=0)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("honest", [0.5, 1.0, 0.0, 1.0]),
        ("label", [0.0, np.nan, 1.0, 1.0]),
        ("label", pd.array([0, None, 1, 1], "Int64")),
        ("paper", [0, 256, 1, 1]),
        ("label", ["0", "1", "1", "1"]),
    ],
)
def test_labels_that_are_neither_0_nor_1_are_refused(kind: str, values: Any) -> None:
    frame = pd.DataFrame({"subject": list("abcd"), "fold": [0, 0, 1, 1]})
    for one in ("label", "honest", "paper", "paper_last"):
        frame[f"{one}_au1"], frame[f"{one}_au2"] = [0, 1, 1, 1], [True, True, False, True]
    score = protocol_named("multilabel").score
    assert score(frame, {}, resamples=100, seed=0)["honest"]["f1"] == 1.0
    frame[f"{kind}_au1"] = values
    with pytest.raises(DataError, match=f"of 8 values of {kind}_au1 and the like"):
        score(frame, {}, resamples=100, seed=0)
