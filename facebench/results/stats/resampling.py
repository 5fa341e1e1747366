"""Resampling of test items: scores of stored predictions as functions of a resample.

A resample is the number of times that each *unit* is drawn. A unit is an image; the images of a
subject, drawn within their fold (multilabel, as its stored intervals); for pairs, a group of
connected people. Two pairs with a common face are not independent, so pairs that share a person,
directly or through other pairs, are one unit (LFW: 1,290 units of 6,000 pairs). All compared
results use the same resamples, so that differences do not depend on the draw.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from facebench.evaluation.protocol import Measure, Measured
from facebench.evaluation.protocols.rescoring import recorded_protocol
from facebench.protocol import ScoreKind
from facebench.results.record import Record

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Rule of thumb: percentile intervals over fewer groups are too narrow. Small lists of pairs (the
# synthetic ones tie all people of a fold together) are drawn pair by pair, as their stored
# intervals are.
_FEWEST_GROUPS = 30
_BUDGET = 2**22  # draws times units held at a time: 32 MB


@dataclass(frozen=True)
class Units:
    """The units of a resample.

    Args:
        of_item: ``[N]`` the unit of each test item, 0-based.
        strata: ``[U]`` units are drawn within these (folds).
        name: What a unit is, in the plural, for a reader.
    """

    of_item: Ints
    strata: Ints
    name: str

    @property
    def enough(self) -> bool:
        """Whether every stratum has two units; a single one tells nothing about others."""
        return bool(len(self.strata)) and int(np.unique_counts(self.strata).counts.min()) > 1

    @property
    def single(self) -> bool:
        """Whether every item is drawn on its own, within one stratum."""
        return len(self.strata) == len(self.of_item) and not self.strata.any()


def units(frame: pd.DataFrame) -> Units:
    """Say what is drawn of a test set; see the module's docstring.

    Args:
        frame: Its predictions, as a result holds them.
    """
    if "first" in frame:
        return _tied_pairs(frame)
    if "subject" in frame:
        _, first, number = np.unique(
            frame["subject"].to_numpy(), return_index=True, return_inverse=True
        )
        return Units(number.astype(np.int64), frame["fold"].to_numpy(np.int64)[first], "subjects")
    return Units(np.arange(len(frame)), np.zeros(len(frame), np.int64), "images")


def decided(frame: pd.DataFrame) -> bool:
    """Return whether predictions hold one decision of each kind; few labels have one per draw."""
    return {"honest", "paper"} <= set(frame.columns)


def right(frame: pd.DataFrame, kind: ScoreKind) -> npt.NDArray[np.bool_]:
    """Return ``[N]`` whether each decision on a class, or on a pair, is right."""
    decided: npt.NDArray[np.bool_] = (
        frame[kind] == frame["same" if "same" in frame else "label"]
    ).to_numpy(bool)
    return decided


def measures(record: Record, frame: pd.DataFrame, kind: ScoreKind, drawn: Units) -> list[Measured]:
    """Return how all metrics follow from a draw, computed as the protocol of the result does.

    Args:
        record: Record of the result.
        frame: Predictions of the result.
        kind: Kind of score, ``honest`` or ``paper``.
        drawn: Units of ``frame``.

    Raises:
        DataError: The protocol is unknown here.
    """
    protocol = recorded_protocol(record.task.protocol[0])
    return protocol.measures(frame, kind, drawn.of_item)


def measure(parts: Sequence[Measured], names: Sequence[str]) -> Measure:
    """Return some metrics, in order, as one function of a draw.

    Args:
        parts: What :func:`measures` returns.
        names: Names of the M metrics, each in one of the parts.
    """
    needed = [part for part in parts if set(part.names) & set(names)]
    places = [name for part in needed for name in part.names]
    order = [places.index(name) for name in names]

    def all_of(times: npt.NDArray[Any]) -> Floats:
        values = [
            part.measure(times if part.of_integers else np.ascontiguousarray(times, np.float64))
            for part in needed
        ]
        return np.concatenate(values, axis=1)[:, order]

    return all_of


def draws(drawn: Units, measured: Measure, *, seed: int, resamples: int) -> Floats:
    """Values of M metrics on draws, ``[R, M]``; on the same draws for all that have these units."""
    step = max(1, _BUDGET // len(drawn.of_item))
    times = _times(drawn.strata.tobytes(), step, seed, resamples)
    return np.concatenate([measured(part.T) for part in times])


def draw(strata: Ints, rng: np.random.Generator, number: int) -> Ints:
    """Draw as many units as there are, with replacement, within their strata.

    Args:
        strata: ``[U]`` of each unit.
        rng: The generator.
        number: Number of draws R.

    Returns:
        ``[R, U]`` how often each unit is drawn.
    """
    times = np.empty((number, len(strata)), np.int64)
    for stratum in np.unique(strata):
        own = strata == stratum
        size = int(own.sum())
        times[:, own] = rng.multinomial(size, np.full(size, 1 / size), size=number)
    return times


@lru_cache(maxsize=16)  # a report compares many results on each of a few test sets
def _times(strata: bytes, step: int, seed: int, resamples: int) -> list[npt.NDArray[Any]]:
    """All draws of a test set.

    Args:
        strata: The bytes of ``Units.strata``.
        step: Number of draws in a part.
        seed: Seed of the draws.
        resamples: Number of draws R.

    Returns:
        How often each unit is drawn: parts of U rows of together R integers.
    """
    of_unit = np.frombuffer(strata, np.int64)
    rng = np.random.default_rng(seed)
    small = np.int16 if len(of_unit) <= np.iinfo(np.int16).max else np.int32
    parts = []
    for start in range(0, resamples, step):
        times = draw(of_unit, rng, min(step, resamples - start))
        parts.append(np.ascontiguousarray(times.T, small))
    return parts


def _tied_pairs(frame: pd.DataFrame) -> Units:
    """Join pairs that share a person: connected components of people, pairs being the edges."""
    sides = [frame[side].map(_person) for side in ("first", "second")]
    # A file's name less its number is who is shown, if all pairs bear that out; else nothing is
    # known of people, and pairs are joined by the images that they share.
    known = bool(((sides[0] == sides[1]) == frame["same"]).all())
    if not known:
        sides = [frame["first"], frame["second"]]
    numbers, names = pd.factorize(pd.concat(sides), sort=True)
    a, b = numbers.reshape(2, -1)
    graph = scipy.sparse.coo_array((np.ones(len(a)), (a, b)), shape=(len(names), len(names)))
    _, component = scipy.sparse.csgraph.connected_components(graph, directed=False)
    # Numbered as they come, so that every unit has a pair.
    used, number = np.unique(component[a], return_inverse=True)
    if len(used) < _FEWEST_GROUPS:
        return Units(np.arange(len(frame)), np.zeros(len(frame), np.int64), "pairs")
    what = "groups of people whom pairs tie together" if known else "groups of tied images"
    return Units(number.astype(np.int64), np.zeros(len(used), np.int64), what)


@lru_cache(maxsize=2**16)  # a table asks for each image of its pairs again and again
def _person(path: str) -> str:
    return re.sub(r"[_-]\d+$", "", PurePosixPath(path).stem)
