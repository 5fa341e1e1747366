"""Percentile intervals (Efron 1979) of scores over drawn test items, and their form in JSON."""

from __future__ import annotations

from collections.abc import Callable
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
    step = max(1, _BUDGET // (groups + flat.shape[1]))
    values = []
    for start in range(0, resamples, step):
        number = min(step, resamples - start)
        times = rng.multinomial(groups, np.full(groups, 1 / groups), size=number)
        values.append(statistic((times @ flat).reshape(number, *parts.shape[1:])))
    low, high = percentile_ends(np.concatenate(values), level)
    return Interval(np.asarray(statistic(parts.sum(0)[None])[0]), low, high, level)


def percentile_ends(drawn: npt.ArrayLike, level: float = LEVEL) -> Floats:
    """Return low and high ends of the percentile interval of drawn values.

    Args:
        drawn: ``[R, ...]``; draws in which a value is NaN (a class was not drawn) are left out of
            that value's interval.
        level: Level of the interval, 0..1.

    Returns:
        ``[2, ...]``; NaN for a value that no draw has.
    """
    values = np.asarray(drawn, dtype=np.float64)
    # A sort takes a third of the time of np.quantile; np.nanquantile takes each value on its own.
    rising = np.ascontiguousarray(values.reshape(len(values), -1).T)
    rising.sort(axis=1)  # NaN last
    last = (~np.isnan(rising)).sum(1) - 1
    ends = [_between(rising, share * last, last) for share in ((1 - level) / 2, (1 + level) / 2)]
    return np.reshape(ends, (2, *values.shape[1:]))


def _between(rising: Floats, places: Floats, last: npt.NDArray[np.int64]) -> Floats:
    """Interpolate linearly in each row ``[K, R]`` at a place ``[K]``, 0 to the last one."""
    below = np.floor(places).astype(np.int64)
    rows, share = np.arange(len(rising)), places - below
    low, high = rising[rows, below], rising[rows, np.minimum(below + 1, last)]
    found: Floats = low + share * (high - low)
    return found


def as_json(value: npt.ArrayLike) -> Any:
    """Return floats, or lists of them; NaN (such as for a class without items) becomes null."""
    plain = np.asarray(value, dtype=float)
    if plain.ndim:
        return [as_json(item) for item in plain]
    return None if np.isnan(plain) else float(plain)
