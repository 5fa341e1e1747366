"""Resampling of test items: scores of predictions as functions of a resample.

A resample is the number of times that each unit is drawn (:mod:`facebench.evaluation.units`). All
results on a test set have the same resamples, whatever their seed: those of the intervals that are
stored with them, and those of every comparison. So a difference does not depend on the draw, and
the draws are made once for many results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from facebench.evaluation.metrics.intervals import as_json, percentile_ends
from facebench.evaluation.units import Ints, Units

Floats = npt.NDArray[np.float64]
# From how often each unit is drawn, [R, U], to the values of M metrics for each draw, [R, M]; NaN
# where there is none.
Measure = Callable[[npt.NDArray[Any]], Floats]

SEED = 0  # of all draws: those of a test set are the same for every result

_BUDGET = 2**22  # draws times units held at a time: 32 MB
_COUNTED = 64  # draws that are counted at a time, in the processor's cache
_KEPT_BYTES = 2**30  # 2,000 draws of 268,000 images


@dataclass(frozen=True)
class Measured:
    """Metrics of predictions that are computed at once, as a function of a draw.

    Args:
        names: Names of the M metrics.
        measure: The function.
        of_integers: Whether it takes draws as they are held, integers of a small type. Else it gets
            floats. The draws of a unit are one after the other in memory.
    """

    names: Sequence[str]
    measure: Measure
    of_integers: bool = False


def holding(of_item: Ints) -> type[np.signedinteger[Any]]:
    """Return a small type of integers that can hold the number of items in any draw.

    Args:
        of_item: ``[N]`` unit of each item, 0-based.
    """
    # No draw has more than if the largest unit were drawn each time.
    most = (1 + int(of_item.max())) * int(np.bincount(of_item).max())
    types = (np.int16, np.int32, np.int64)
    return next(kind for kind in types if most <= np.iinfo(kind).max)


def measure(parts: Sequence[Measured], names: Sequence[str]) -> Measure:
    """Return some metrics, in order, as one function of a draw.

    Args:
        parts: What ``Protocol.measures`` returns.
        names: Names of the M metrics, each in one of the parts.
    """
    needed = [part for part in parts if set(part.names) & set(names)]
    places = [name for part in needed for name in part.names]
    order = [places.index(name) for name in names]

    def all_of(times: npt.NDArray[Any]) -> Floats:
        values = [
            part.measure(times if part.of_integers else np.asarray(times, np.float64))
            for part in needed
        ]
        return np.concatenate(values, axis=1)[:, order]

    return all_of


def resample(
    drawn: Units, measured: Measure, *, resamples: int, seed: int = SEED
) -> tuple[Floats, Floats]:
    """Compute M metrics on the test items and on draws of them.

    The draws are the same for all that have these units.

    Args:
        drawn: What is drawn.
        measured: From draws to the metrics.
        resamples: Number of draws R.
        seed: Seed of the draws.

    Returns:
        ``[M]`` on the items themselves, and ``[R, M]``; R is 0 with too few units to draw.
    """
    if not drawn.enough:
        values = undrawn(drawn, measured)
        return values, np.empty((0, len(values)))
    of_all = _undrawn_and_drawn(drawn, measured, resamples, seed)
    return of_all[0], of_all[1:]


def draws(drawn: Units, measured: Measure, *, resamples: int, seed: int = SEED) -> Floats:
    """Values of M metrics on draws, ``[R, M]``, of few units, too; else as :func:`resample`."""
    return _undrawn_and_drawn(drawn, measured, resamples, seed)[1:]


def _undrawn_and_drawn(drawn: Units, measured: Measure, resamples: int, seed: int) -> Floats:
    """Return ``[1 + R, M]``, on the items themselves and on draws."""
    step = max(1, _BUDGET // len(drawn.of_item))
    times = _KEPT.times(drawn.strata, step, seed, resamples)
    return np.concatenate([measured(part.T) for part in times])


def interval_ends(drawn: Units, measured: Measure, *, resamples: int, seed: int = SEED) -> Floats:
    """Return the low and high ends ``[2, M]`` of the 95 % intervals of M metrics.

    They are NaN with too few units to draw; arguments as of :func:`resample`.
    """
    return _ends(resample(drawn, measured, resamples=resamples, seed=seed)[1])


def _ends(of_draws: Floats) -> Floats:
    if not len(of_draws):
        return np.full((2, of_draws.shape[1]), np.nan)
    return percentile_ends(of_draws)


def scores_with_intervals(
    drawn: Units, measured: Measured, *, resamples: int, seed: int = SEED
) -> dict[str, Any]:
    """Return metrics by name, and ``intervals`` with a pair ``[low, high]`` for each, as JSON.

    Arguments are those of :func:`resample`.
    """
    values, of_draws = resample(drawn, measured.measure, resamples=resamples, seed=seed)
    return {
        **dict(zip(measured.names, as_json(values), strict=True)),
        "intervals": dict(zip(measured.names, as_json(_ends(of_draws).T), strict=True)),
    }


def undrawn(drawn: Units, measured: Measure) -> Floats:
    """Return the values ``[M]`` of M metrics on the test items themselves, each once."""
    values: Floats = measured(np.ones((1, len(drawn.strata))))[0]
    return values


def draw(strata: Ints, rng: np.random.Generator, number: int) -> npt.NDArray[Any]:
    """Draw as many units as there are, with replacement, within their strata.

    Args:
        strata: ``[U]`` of each unit.
        rng: The generator.
        number: Number of draws R.

    Returns:
        ``[R, U]`` how often each unit is drawn, of a small type of integers, with the draws of a
        unit one after the other.
    """
    # Counted draws of single units take a fifth to a half of the time of rng.multinomial.
    drawn = []
    for stratum in np.unique(strata):
        own = np.flatnonzero(strata == stratum)
        drawn.append((own, rng.integers(len(own), size=(number, len(own)))))
    counted = np.empty((len(strata), number), np.int16)
    for start in range(0, number, _COUNTED):
        some = slice(start, start + _COUNTED)
        part = np.concatenate([own[places[some]] for own, places in drawn], axis=1)
        places = part + len(strata) * np.arange(len(part))[:, None]
        times = np.bincount(places.ravel(), minlength=part.size).reshape(part.shape)
        if times.max() > np.iinfo(counted.dtype).max:
            counted = counted.astype(np.int32)
        counted[:, some] = times.T
    return counted.T


def _times(strata: Ints, step: int, seed: int, resamples: int) -> Iterator[npt.NDArray[Any]]:
    """Draw from a test set.

    Args:
        strata: ``Units.strata``.
        step: Number of draws in a part.
        seed: Seed of the draws.
        resamples: Number of draws R.

    Yields:
        How often each unit is drawn: parts of U rows of together 1 + R integers, of which the first
        are 1, so that metrics of the items themselves are computed beside those of draws.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, step):
        times = draw(strata, rng, min(step, resamples - start)).T
        undrawn = [] if start else [np.ones((len(strata), 1), times.dtype)]
        yield np.concatenate([*undrawn, times], axis=1)


class _KeptTimes:
    """The draws of the test sets that were last asked for, as many as fit into a budget.

    A report compares many results on each of a few test sets. Draws that alone are above the budget
    are made again each time, so that a process holds no more than that of any test sets.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget  # bytes
        self._held: dict[tuple[Any, ...], list[npt.NDArray[Any]]] = {}  # the last used one last
        self._lock = Lock()

    def times(
        self, strata: Ints, step: int, seed: int, resamples: int
    ) -> Iterable[npt.NDArray[Any]]:
        """Return what :func:`_times` yields."""
        if len(strata) * (1 + resamples) * np.dtype(np.int16).itemsize > self._budget:
            return _times(strata, step, seed, resamples)
        key = (strata.tobytes(), step, seed, resamples)
        with self._lock:
            parts = self._held.pop(key, None) or list(_times(strata, step, seed, resamples))
            self._held[key] = parts
            while self.size() > self._budget:
                del self._held[next(iter(self._held))]
        return parts

    def size(self) -> int:
        """Return the number of bytes that are held."""
        return sum(part.nbytes for parts in self._held.values() for part in parts)


_KEPT = _KeptTimes(_KEPT_BYTES)
