"""From predicted factors to scores: how much of each factor a feature holds, 0 to 1.

Everything is computed from the predictions alone, with intervals over persons: a draw takes whole
persons with replacement. All scores of all features see the same draws, so that differences
between them have intervals as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.disentangle.factors import PREDICTED
from facebench.evaluation.metrics.intervals import Interval, bootstrap_groups
from facebench.evaluation.metrics.scores import as_json
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
    """How well one factor is predicted.

    Args:
        metric: ``accuracy``, ``AUC`` (mean over units) or ``R2``; 1 is perfect.
        score: In that metric.
        floor: What is reached without looking at the image.
        held: The score between its floor, 0, and 1.
    """

    metric: str
    score: Measured
    floor: float
    held: Measured


@dataclass(frozen=True)
class Scores:
    """All that is told of one feature.

    Args:
        factors: By name, one of :data:`facebench.synth.factor_faces.FACTORS`.
        degrees: Mean absolute error of each angle.
        degrees_floor: That of predicting the mean.
        units: AUC of each action unit that was shown and not shown.
        identity_minus_pose: How much more of the identity than of the pose (mean of the angles)
            is held: 1 is identity alone, -1 pose alone.
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
        predictions: What :func:`facebench.disentangle.factors.predict_factors` gives.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        DataError: There are fewer than two persons.
    """
    table = predictions.assign(identity=predictions["person"])
    persons, owner = np.unique(table["person"].to_numpy(), return_inverse=True)

    def measure(statistic: Statistic) -> Interval:
        draws = np.random.default_rng(seed)  # the same persons are drawn for every score
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
        truth: ``[N]``.
        predicted: ``[N]``.
        owner: ``[N]`` the person of each item, 0 to G - 1.
    """
    y, guess = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    y, guess = y - y.mean(), guess - y.mean()  # sums of squares that do not cancel
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

    It is the share of pairs, one item that shows the unit and one that does not, of which the
    first has the higher score; a tie is half. Only pairs of one fold count: scores of two models
    do not compare, and a model that knows nothing predicts the mean of its training persons, which
    is lower the more often the unit is shown by the others.

    Args:
        shown: ``[N]`` 0 or 1.
        score: ``[N]``.
        owner: ``[N]`` the person of each item, 0 to G - 1.
        fold: ``[N]`` which model predicted an item; all items of a person have one.
    """
    positive, values = np.asarray(shown) == 1, np.asarray(score, dtype=np.float64)
    people, models = np.asarray(owner), np.asarray(fold)
    of = np.eye(int(people.max()) + 1)[people]  # [N, G]
    first, second = values[positive], values[~positive]
    above = (first[:, None] > second) + 0.5 * (first[:, None] == second)
    paired = (models[positive][:, None] == models[~positive]).astype(np.float64)
    # Summed over the items of each two persons once, [G, G], so that a draw only weighs them.
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
