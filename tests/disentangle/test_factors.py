"""Constructed features: a feature of one factor scores about 1 on it and the floor elsewhere."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from facebench.disentangle.factor_scores import Scores, auc, r2, score_factors
from facebench.disentangle.factors import FactorSettings, predict_factors, splits
from facebench.errors import DataError, SpecError
from facebench.synth.factor_faces import ANGLES, UNITS

PERSONS, IMAGES, DIM = 40, 14, 30
QUICK = FactorSettings(dimension=DIM, folds=3, inner_folds=2, ridges=(1.0, 1e3, 1e6))
FACTORS = ("identity", "expression", "action units", *ANGLES)


def known(seed: int = 0, persons: int = PERSONS, images: int = IMAGES) -> pd.DataFrame:
    """Labels without rendered faces; all factors are independent."""
    rng = np.random.default_rng(seed)
    person, image = np.divmod(np.arange(persons * images), images)
    return pd.DataFrame(
        {"path": [f"{p}/{i}.jpg" for p, i in zip(person, image, strict=True)], "person": person,
         "image": image, "expression": image % 7,
         **{angle: rng.normal(0, 15, len(person)) for angle in ANGLES},
         **{unit: (rng.random(len(person)) < 0.3).astype(int) for unit in UNITS}}
    )  # fmt: skip


def planted(factor: str, labels: pd.DataFrame, noise: float = 0.1) -> npt.NDArray[Any]:
    """Features that hold one factor, turned at random, and noise."""
    rng = np.random.default_rng(1)
    held = {
        "identity": np.eye(labels["person"].nunique())[labels["person"]],
        "expression": np.eye(7)[labels["expression"]],
        "action units": labels[list(UNITS)].to_numpy(),
        "nothing": np.zeros((len(labels), 1)),
        **{angle: labels[[angle]].to_numpy() / 15 for angle in ANGLES},
    }[factor]
    turned = held @ rng.normal(size=(held.shape[1], DIM))
    return np.asarray(turned + noise * rng.normal(size=turned.shape))


def scores_of(features: Any, labels: pd.DataFrame) -> Scores:
    return score_factors(predict_factors(features, labels, QUICK, seed=0), resamples=500)


@pytest.mark.parametrize("factor", [*FACTORS, "nothing"])
def test_a_planted_factor_is_found_and_no_other(factor: str) -> None:
    scores = scores_of(planted(factor, known()), known())
    assert tuple(scores.factors) == FACTORS
    for name, found in scores.factors.items():
        low, high = (0.9, 1.0) if name == factor else (-0.08, 0.08)
        assert low < found.held.value <= high, name
        assert found.held.low <= found.held.value <= found.held.high
        expected = (found.score.value - found.floor) / (1 - found.floor)
        assert found.held.value == pytest.approx(expected)
    sign = {"identity": 1.0, **dict.fromkeys(ANGLES, -1 / 3)}.get(factor, 0.0)
    assert scores.identity_minus_pose.value == pytest.approx(sign, abs=0.08)


def test_floors_are_what_guessing_reaches() -> None:
    labels = known()
    scores = scores_of(planted("nothing", labels), labels)
    floors = {name: found.floor for name, found in scores.factors.items()}
    assert floors["identity"] == pytest.approx(1 / PERSONS)
    assert floors["expression"] == pytest.approx(1 / 7)
    assert floors["action units"] == 0.5
    for angle in ANGLES:
        assert floors[angle] == 0
        spread = np.abs(labels[angle] - labels[angle].mean()).mean()
        assert scores.degrees_floor[angle] == pytest.approx(spread)
        assert scores.degrees[angle].value == pytest.approx(spread, rel=0.03)


def test_a_feature_of_the_person_tells_nothing_of_other_persons() -> None:
    labels = known()
    # A model that memorises persons predicts all of these for persons of the training set.
    labels["expression"] = labels["person"] % 7
    labels["yaw"] = np.random.default_rng(3).normal(0, 15, PERSONS)[labels["person"]]
    labels["au1"] = labels["person"] % 2
    scores = scores_of(planted("identity", labels), labels)
    assert scores.factors["identity"].held.value > 0.95
    assert scores.factors["expression"].held.value < 0.15
    assert scores.factors["yaw"].held.value < 0.05
    assert abs(scores.units["au1"].value - 0.5) < 0.2


def test_no_person_is_on_both_sides_and_every_row_is_predicted_once() -> None:
    labels = known()
    for column in ("person", "image"):
        tested = []
        for train, test in splits(labels[column], 5):
            assert not set(labels[column][train]) & set(labels[column][test])
            tested += test.tolist()
            if column == "image":  # the identity is predicted for persons that were seen
                assert set(labels["person"][test]) == set(labels["person"][train])
        assert sorted(tested) == list(range(len(labels)))
    predictions = predict_factors(planted("yaw", labels), labels, QUICK, seed=0)
    assert (predictions.groupby("person")["fold"].nunique() == 1).all()
    assert not predictions.isna().any().any()
    assert (predictions[["predicted_identity", "predicted_expression"]] >= 0).all().all()


def guessed(seed: int) -> pd.DataFrame:
    """Predictions of another population each time, whose true scores are known.

    Persons differ in how well they are predicted, so that items of one person are correlated.
    """
    labels, rng = known(seed, persons=30, images=7), np.random.default_rng([seed, 1])
    skill = rng.uniform(0.5, 0.9, 30)[labels["person"]]
    right = rng.random(len(labels)) < skill
    other = (labels["expression"] + rng.integers(1, 7, len(labels))) % 7
    guesses: dict[str, Any] = {"expression": np.where(right, labels["expression"], other),
                               "identity": labels["person"]}  # fmt: skip
    guesses |= {angle: labels[angle] + rng.normal(0, 7.5, len(labels)) for angle in ANGLES}
    guesses |= {unit: labels[unit] + rng.normal(0, 1, len(labels)) for unit in UNITS}
    predicted = {f"predicted_{name}": values for name, values in guesses.items()}
    return labels.assign(fold=labels["person"] % 3, **predicted)


def test_95_percent_of_intervals_hold_the_truth() -> None:
    truth = {
        "expression": 0.7,  # mean skill
        "yaw": 1 - 7.5**2 / 15**2,
        "action units": 0.760250,  # P(1 + a > b), a and b standard normal: Phi(1 / sqrt 2)
    }
    held = dict.fromkeys([*truth, "degrees"], 0)
    for seed in range(60):
        scores = score_factors(guessed(seed), resamples=200)
        for name, value in truth.items():
            found = scores.factors[name].score
            held[name] += found.low <= value <= found.high
        error = scores.degrees["yaw"]
        held["degrees"] += error.low <= 7.5 * (2 / np.pi) ** 0.5 <= error.high  # mean |z|
    for name, count in held.items():  # of 60; fewer than 52 is less likely than one in a hundred
        assert 52 <= count <= 60, name
    assert min(held.values()) < 60  # intervals that always hold it are too wide


def test_statistics_equal_scikit_learn_on_the_drawn_items() -> None:
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(6), 5)
    fold = owner % 2
    truth, guess = rng.normal(size=30), rng.normal(size=30)
    shown, score = rng.integers(0, 2, 30), np.round(rng.normal(size=30), 1)
    times = rng.multinomial(6, np.full(6, 1 / 6), size=20).astype(float)
    for drawn, of_r2, of_auc in zip(
        times, r2(truth, guess, owner)(times), auc(shown, score, owner, fold)(times), strict=True
    ):
        items = np.repeat(np.arange(30), drawn[owner].astype(int))
        assert of_r2 == pytest.approx(r2_score(truth[items], guess[items]))
        wins = pairs = 0.0
        for part in (0, 1):
            chosen = items[fold[items] == part]
            number = float(shown[chosen].sum() * (1 - shown[chosen]).sum())
            if number:
                wins += number * roc_auc_score(shown[chosen], score[chosen])
                pairs += number
        assert of_auc == pytest.approx(wins / pairs)


def test_the_same_features_give_the_same_scores() -> None:
    labels = known()
    features = planted("expression", labels)
    first = predict_factors(features, labels, QUICK, seed=0)
    again = predict_factors(features, labels, QUICK, seed=0)
    pd.testing.assert_frame_equal(first, again)
    assert score_factors(first, resamples=300) == score_factors(again, resamples=300)
    assert score_factors(first, resamples=300, seed=1) != score_factors(first, resamples=300)


def test_what_does_not_fit_is_said() -> None:
    labels = known()
    with pytest.raises(DataError, match="do not fit"):
        predict_factors(np.zeros((3, 2)), labels, QUICK, seed=0)
    with pytest.raises(DataError, match="not finite"):
        predict_factors(np.full((len(labels), 2), np.nan), labels, QUICK, seed=0)
    few = known(persons=4)
    with pytest.raises(DataError, match="found 4 persons"):
        predict_factors(np.zeros((len(few), 2)), few, QUICK, seed=0)
    with pytest.raises(SpecError, match="factor settings"):
        FactorSettings(folds=1)
