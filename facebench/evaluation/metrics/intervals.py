"""Bootstrap intervals of scores over test items.

Percentile intervals (Efron 1979). A resample of N items with replacement is a multinomial draw of
the number of times that each item occurs, and metrics of totals depend on the drawn totals only:
for a confusion matrix the items of one cell are interchangeable, so its cells are drawn; for groups
(all images of a subject stay together) the groups are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebench.errors import DataError

Floats = npt.NDArray[np.float64]
Statistic = Callable[[npt.NDArray[Any]], Floats]

RESAMPLES = 10_000
LEVEL = 0.95
_BUDGET = 2**23  # numbers held at a time while resampling: 64 MB


@dataclass(frozen=True)
class Interval:
    """A score with its interval; arrays of one shape where the score has several values.

    Args:
        estimate: The score of the test items themselves.
        low: Lower end.
        high: Upper end.
        level: Share of test sets for which such an interval holds the true score, 0..1.
    """

    estimate: Floats
    low: Floats
    high: Floats
    level: float = LEVEL


def bootstrap_confusion(
    confusion: npt.ArrayLike,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Interval of a metric of independent test items.

    Args:
        confusion: ``[C, C]`` counts.
        statistic: From matrices ``[R, C, C]`` to values ``[R]`` or ``[R, K]``: the functions of
            ``metrics``. Resamples in which a value is NaN (a class was not drawn) are left out of
            that value's interval.
        rng: Generator for all random draws.
        resamples: R, number of draws.
        level: Level of the interval, 0..1.

    Returns:
        The interval, of shape ``[]`` or ``[K]``.

    Raises:
        DataError: If the matrix has no item.
    """
    counts = np.asarray(confusion)
    total = int(counts.sum())
    if total < 1:
        raise DataError(
            "this confusion matrix gives no interval: found no item in it; expected at least one. "
            "Check that the test split is not empty."
        )
    shares = counts.ravel() / total

    def draw(number: int) -> Floats:
        drawn = rng.multinomial(total, shares, size=number).reshape(number, *counts.shape)
        return statistic(drawn)

    return _interval(statistic(counts[None])[0], draw, counts.size, resamples, level)


def bootstrap_groups(
    totals: npt.ArrayLike,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Interval of a metric of test items that come in groups, such as the images of a subject.

    Whole groups are drawn with replacement, as many as there are (cluster bootstrap); with one item
    in each group this is the ordinary bootstrap.

    Args:
        totals: ``[G, ...]``, contribution of each group: a confusion matrix, or a sum of
            errors and a count.
        statistic: From summed totals ``[R, ...]`` to values ``[R]`` or ``[R, K]``. Resamples in
            which a value is NaN are left out of that value's interval.
        rng: Generator for all random draws.
        resamples: R, number of draws.
        level: Level of the interval, 0..1.

    Returns:
        The interval, of shape ``[]`` or ``[K]``.

    Raises:
        DataError: If there are fewer than two groups.
    """
    parts = np.asarray(totals, dtype=np.float64)
    groups = parts.shape[0] if parts.ndim else 0
    if groups < 2:
        raise DataError(
            f"these groups give no interval: found {groups}; expected at least two. Resample the "
            "items instead."
        )
    flat = parts.reshape(groups, -1)

    def draw(number: int) -> Floats:
        times = rng.multinomial(groups, np.full(groups, 1 / groups), size=number)
        return statistic((times @ flat).reshape(number, *parts.shape[1:]))

    size = groups + flat.shape[1]
    return _interval(statistic(parts.sum(0)[None])[0], draw, size, resamples, level)


def _interval(
    estimate: Floats,
    draw: Callable[[int], Floats],
    size: int,
    resamples: int,
    level: float,
) -> Interval:
    """Percentile interval of drawn values, drawn in parts of bounded memory."""
    step = max(1, _BUDGET // size)
    parts = [draw(min(step, resamples - start)) for start in range(0, resamples, step)]
    values = np.concatenate(parts)  # [R] or [R, K]
    tail = (1 - level) / 2
    ends = np.full((2, *values.shape[1:]), np.nan)
    # A value that is never defined would make nanquantile warn; its interval stays NaN.
    defined = ~np.isnan(values).all(0)
    ends[:, defined] = np.nanquantile(values[:, defined], [tail, 1 - tail], axis=0)
    return Interval(np.asarray(estimate), ends[0], ends[1], level)


def as_json(value: npt.ArrayLike) -> Any:
    """Return floats, or lists of them; NaN (such as for a class without items) becomes null."""
    plain = np.asarray(value, dtype=float)
    if plain.ndim:
        return [as_json(item) for item in plain]
    return None if np.isnan(plain) else float(plain)


def with_intervals(names: Sequence[str], interval: Interval) -> dict[str, Any]:
    """Return metrics by name, and ``intervals`` with a pair ``[low, high]`` for each.

    Args:
        names: ``[K]`` names of the metrics.
        interval: Interval of shape ``[K]``.
    """
    ends = zip(as_json(interval.low), as_json(interval.high), strict=True)
    return {
        **dict(zip(names, as_json(interval.estimate), strict=True)),
        "intervals": {name: list(pair) for name, pair in zip(names, ends, strict=True)},
    }
