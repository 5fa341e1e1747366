"""What is drawn of a test set: images, subjects, or groups of people whom pairs tie together.

A *unit* is an image; the images of a subject, drawn within their fold (multilabel); for pairs, a
group of connected people. Two pairs with a common face are not independent, so pairs that share a
person, directly or through other pairs, are one unit (LFW: 1,290 units of 6,000 pairs).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from facebench.errors import DataError

Ints = npt.NDArray[np.int64]

# Rule of thumb: percentile intervals over fewer groups are too narrow. Small lists of pairs (the
# synthetic ones tie all people of a fold together) are drawn pair by pair.
_FEWEST_GROUPS = 30


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

    Raises:
        DataError: There is no item.
    """
    if frame.empty:
        raise DataError(
            "these predictions cannot be scored: found no test item; expected at least one. Check "
            "that the test split is not empty."
        )
    if "first" in frame:
        # To objects first: a column of strings is slow to iterate over.
        columns = (frame[name].to_numpy(object) for name in ("first", "second", "same"))
        return _tied_pairs(*map(tuple, columns))
    if {"subject", "fold"} <= set(frame):
        _, first, number = np.unique(
            frame["subject"].to_numpy(), return_index=True, return_inverse=True
        )
        return Units(number.astype(np.int64), frame["fold"].to_numpy(np.int64)[first], "subjects")
    return Units(np.arange(len(frame)), np.zeros(len(frame), np.int64), "images")


@lru_cache(maxsize=8)  # a report asks for many results on each of a few lists
def _tied_pairs(first: tuple[str, ...], second: tuple[str, ...], same: tuple[bool, ...]) -> Units:
    """Join pairs that share a person: connected components of people, pairs being the edges."""
    sides = [np.array([_person(path) for path in side], object) for side in (first, second)]
    # A file's name less its number is who is shown, if all pairs bear that out; else nothing is
    # known of people, and pairs are joined by the images that they share.
    known = bool(((sides[0] == sides[1]) == np.asarray(same)).all())
    if not known:
        sides = [np.array(first, object), np.array(second, object)]
    numbers, names = pd.factorize(np.concatenate(sides), sort=True)
    a, b = numbers.reshape(2, -1)
    graph = scipy.sparse.coo_array((np.ones(len(a)), (a, b)), shape=(len(names), len(names)))
    _, component = scipy.sparse.csgraph.connected_components(graph, directed=False)
    # Numbered as they come, so that every unit has a pair.
    used, number = np.unique(component[a], return_inverse=True)
    if len(used) < _FEWEST_GROUPS:
        return Units(np.arange(len(first)), np.zeros(len(first), np.int64), "pairs")
    what = "groups of people whom pairs tie together" if known else "groups of tied images"
    return Units(number.astype(np.int64), np.zeros(len(used), np.int64), what)


@lru_cache(maxsize=2**16)  # a table asks for each image of its pairs again and again
def _person(path: str) -> str:
    return re.sub(r"[_-]\d+$", "", PurePosixPath(path).stem)
