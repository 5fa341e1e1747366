"""Scores of predicted factors: how much of each factor a feature contains, 0 to 1.

Scores are computed from the predictions alone, with bootstrap intervals over persons: a resample
draws whole persons with replacement. All scores of all features use the same resamples, so that
differences between them have intervals as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.disentangle.factors import PREDICTED
from facebench.evaluation.metrics.intervals import Interval, as_json, bootstrap_groups
from facebench.synth.factor_faces import ANGLES, UNITS

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]  # times that each person was drawn [R, G] -> values [R]

RESAMPLES = 2000
CHANCE_AUC = 0.5


@dataclass(frozen=True)
class Measured:
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class FactorScore:
    """Score of one factor.

    Args:
        metric: ``accuracy``, ``AUC`` (mean over units) or ``R2``; 1 is perfect.
        score: Value of the metric.
        floor: Value of the metric for a constant prediction.
        held: The score rescaled so that the baseline is 0 and a perfect score 1.
    """

    metric: str
    score: Measured
    floor: float
    held: Measured


@dataclass(frozen=True)
class Scores:
    """All scores of one feature.

    Args:
        factors: Scores by name, one of :data:`facebench.synth.factor_faces.FACTORS`.
        degrees: Mean absolute error of each angle, in degrees.
        degrees_floor: Mean absolute error of predicting the mean, in degrees.
        units: AUC of each action unit that occurs in some images and not in all.
        identity_minus_pose: Difference of ``held`` between identity and pose (mean of the angles):
            1 is identity alone, -1 pose alone.
    """

    factors: Mapping[str, FactorScore]
    degrees: Mapping[str, Measured]
    degrees_floor: Mapping[str, float]
    units: Mapping[str, Measured]
    identity_minus_pose: Measured


def score_factors(
    predictions: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0
) -> Scores:
    """Score the predictions of one feature.

    Args:
        predictions: Output of :func:`facebench.disentangle.factors.predict_factors`.
        resamples: Number of bootstrap resamples.
        seed: Seed of the bootstrap.

    Raises:
        DataError: There are fewer than two persons.
    """
    table = predictions.assign(identity=predictions["person"])
    persons, owner = np.unique(table["person"].to_numpy(), return_inverse=True)

    def measure(statistic: Statistic) -> Interval:
        draws = np.random.default_rng(seed)  # the same resamples for every score
        return bootstrap_groups(np.eye(len(persons)), statistic, rng=draws, resamples=resamples)

    units = {
        name: auc(table[name], table[PREDICTED + name], owner, table["fold"])
        for name in _shown(table)
    }
    statistics: dict[str, tuple[str, Statistic, float]] = {
        name: ("accuracy", _accuracy(table, name, owner), _majority(table[name]))
        for name in ("identity", "expression")
    }
    statistics["action units"] = ("AUC", _mean(list(units.values())), CHANCE_AUC)
    for name in ANGLES:
        statistics[name] = ("R2", r2(table[name], table[PREDICTED + name], owner), 0.0)
    held = {name: _above(floor, of) for name, (_, of, floor) in statistics.items()}
    pose = _mean([held[name] for name in ANGLES])
    return Scores(
        factors={
            name: FactorScore(metric, _measured(measure(of)), floor, _measured(measure(held[name])))
            for name, (metric, of, floor) in statistics.items()
        },
        degrees={name: _measured(measure(_error(table, name, owner))) for name in ANGLES},
        degrees_floor={name: float((table[name] - table[name].mean()).abs().mean())
                       for name in ANGLES},
        units={name: _measured(measure(of)) for name, of in units.items()},
        identity_minus_pose=_measured(
            measure(lambda times: held["identity"](times) - pose(times))
        ),
    )  # fmt: skip


def r2(truth: npt.ArrayLike, predicted: npt.ArrayLike, owner: npt.ArrayLike) -> Statistic:
    """Return the coefficient of determination as a function of how often each person is drawn.

    Args:
        truth: ``[N]`` true values.
        predicted: ``[N]`` predicted values.
        owner: ``[N]`` index of the person of each item, 0 to G - 1.
    """
    y, guess = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    y, guess = y - y.mean(), guess - y.mean()  # avoids cancellation in the sums of squares
    count, total, squares, errors = (
        _per_person(column, owner) for column in (np.ones_like(y), y, y**2, (y - guess) ** 2)
    )

    def statistic(times: Floats) -> Floats:
        spread = times @ squares - (times @ total) ** 2 / (times @ count)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(1 - times @ errors / spread)

    return statistic


def auc(
    shown: npt.ArrayLike, score: npt.ArrayLike, owner: npt.ArrayLike, fold: npt.ArrayLike
) -> Statistic:
    """Return the area under the ROC curve as a function of how often each person is drawn.

    It is the fraction of pairs of a positive and a negative item in which the positive one has the
    higher score; ties count half. Only pairs within a fold count: scores of different models are
    not comparable, and a model without information predicts the mean of its training persons, which
    is the lower, the more often the persons of the test fold show the unit.

    Args:
        shown: ``[N]`` 0 or 1.
        score: ``[N]`` predicted scores.
        owner: ``[N]`` index of the person of each item, 0 to G - 1.
        fold: ``[N]`` fold of each item; all items of a person are in one fold.
    """
    positive, values = np.asarray(shown) == 1, np.asarray(score, dtype=np.float64)
    people, models = np.asarray(owner), np.asarray(fold)
    of = np.eye(int(people.max()) + 1)[people]  # [N, G]
    first, second = values[positive], values[~positive]
    above = (first[:, None] > second) + 0.5 * (first[:, None] == second)
    paired = (models[positive][:, None] == models[~positive]).astype(np.float64)
    # Summed once over the items of each pair of persons, [G, G]; a resample only weights the sums.
    wins = of[positive].T @ (above * paired) @ of[~positive]
    pairs = of[positive].T @ paired @ of[~positive]

    def statistic(times: Floats) -> Floats:
        with np.errstate(invalid="ignore"):  # no pair was drawn: NaN
            return np.asarray(((times @ wins) * times).sum(1) / ((times @ pairs) * times).sum(1))

    return statistic


def _accuracy(table: pd.DataFrame, name: str, owner: npt.ArrayLike) -> Statistic:
    right = table[name].to_numpy() == table[PREDICTED + name].to_numpy()
    return _share(right.astype(np.float64), owner)


def _error(table: pd.DataFrame, name: str, owner: npt.ArrayLike) -> Statistic:
    return _share((table[name] - table[PREDICTED + name]).abs().to_numpy(), owner)


def _share(values: Floats, owner: npt.ArrayLike) -> Statistic:
    total, count = _per_person(values, owner), _per_person(np.ones_like(values), owner)
    return lambda times: np.asarray((times @ total) / (times @ count))


def _per_person(values: Floats, owner: npt.ArrayLike) -> Floats:
    return np.bincount(np.asarray(owner), values).astype(np.float64)


def _mean(statistics: list[Statistic]) -> Statistic:
    return lambda times: np.asarray(np.mean([of(times) for of in statistics], axis=0))


def _above(floor: float, statistic: Statistic) -> Statistic:
    return lambda times: np.asarray((statistic(times) - floor) / (1 - floor))


def _majority(labels: pd.Series) -> float:
    return float(labels.value_counts(normalize=True).iloc[0])


def _shown(table: pd.DataFrame) -> list[str]:
    """Return the units that some faces show and others do not."""
    return [name for name in UNITS if table[name].nunique() == 2]


def _measured(interval: Interval) -> Measured:
    value, low, high = (float(part) for part in (interval.estimate, interval.low, interval.high))
    return Measured(value, low, high)


def scores_record(scores: Any) -> Any:
    """Return scores as JSON; a number that is not defined is null."""
    if isinstance(scores, Measured):
        ends = [as_json(scores.low), as_json(scores.high)]
        return {"value": as_json(scores.value), "interval": ends}
    if isinstance(scores, Mapping):
        return {name: scores_record(value) for name, value in scores.items()}
    if isinstance(scores, (FactorScore, Scores)):
        return {name: scores_record(value) for name, value in vars(scores).items()}
    return scores
