"""Ranking metrics of pair verification on many draws of the pairs at once.

Pairs are sorted once. From the most alike on, the accepted and the falsely accepted pairs of all
draws are summed side by side; the sums are of whole numbers, so they are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
FARS = (1e-1, 1e-2, 1e-3)
"""False acceptance rates at which TAR is reported."""


def ranking_metrics(
    scores: Floats, same: Bools, times: NDArray[Any], of_item: Ints, fars: tuple[float, ...] = FARS
) -> Floats:
    """Return ROC-AUC and TAR at each FAR for pairs whose units occur several times.

    TAR is without interpolation: the highest of a threshold that does not exceed the FAR.

    Args:
        scores: ``[P]`` similarities.
        same: ``[P]`` whether a pair shows one person.
        times: ``[U, R]`` whole numbers, how often each unit occurs in each of R draws, of a type
            that can hold the number of pairs of a draw.
        of_item: ``[P]`` unit of each pair, 0-based.
        fars: False acceptance rates, each in 0..1.

    Returns:
        ``[R, 1 + len(fars)]``; NaN where a draw has pairs of one kind only.
    """
    blocks = _blocks(scores, same)
    right, wrong = (_sums(times, of_item, blocks, same == kind) for kind in (True, False))
    positives, negatives = (sums.sum(0, np.int64) for sums in (right, wrong))
    limits = [most_within(far, negatives) for far in fars]
    accepted, false, twice_area = np.zeros((3, times.shape[1]), np.int64)
    reached = [accepted.copy() for _ in fars]
    exceeded = False
    for more, less, tied in zip(right, wrong, blocks.tied, strict=True):
        if tied:  # a straight line of the ROC curve
            twice_area += less * (2 * accepted + more)
            false += less
        accepted += more
        if not exceeded:
            within = [false <= limit for limit in limits]
            for best, inside in zip(reached, within, strict=True):
                np.copyto(best, accepted, where=inside)
            exceeded = not any(inside.any() for inside in within)
        if not tied:
            twice_area += less * (2 * accepted)
            false += less
    with np.errstate(invalid="ignore", divide="ignore"):
        values = [twice_area / (2 * positives * negatives), *(best / positives for best in reached)]
    found = np.column_stack(values)
    found[(positives == 0) | (negatives == 0)] = np.nan
    return found


@dataclass(frozen=True)
class _Blocks:
    """Pairs from the most alike on, in blocks: same pairs, then different ones; or equally alike.

    Args:
        order: ``[P]`` the pairs.
        starts: ``[B]`` place of the first pair of each block.
        tied: ``[B]`` whether pairs of both kinds are equally alike, all of the block.
    """

    order: Ints
    starts: Ints
    tied: list[bool]


def _blocks(scores: Floats, same: Bools) -> _Blocks:
    # Of equally alike pairs the same ones first, so that pairs of one kind stay together.
    order = np.lexsort((~same, -scores))
    ranked, kinds = scores[order], same[order]
    groups = np.flatnonzero(np.diff(ranked, prepend=np.inf))  # first of each that are equally alike
    has_same, has_other = (np.logical_or.reduceat(kind, groups) for kind in (kinds, ~kinds))
    mixed = has_same & has_other
    # A block ends where a same pair follows on a different one, and around mixed groups.
    after_other = np.concatenate([[True], ~kinds[groups[1:] - 1] & kinds[groups[1:]]])
    after_mixed = np.concatenate([[False], mixed[:-1]])
    first = after_other | mixed | after_mixed
    return _Blocks(order, groups[first], mixed[first].tolist())


def _sums(times: NDArray[Any], of_item: Ints, blocks: _Blocks, of_kind: Bools) -> NDArray[Any]:
    """Return ``[B, R]`` how many pairs of a kind each draw has in each block."""
    begins = np.zeros(len(blocks.order), np.int64)
    begins[blocks.starts[1:]] = 1
    chosen = of_kind[blocks.order]
    places = (begins.cumsum()[chosen], of_item[blocks.order[chosen]])
    ones = np.ones(int(chosen.sum()), times.dtype)
    of_unit = scipy.sparse.csr_array((ones, places), shape=(len(blocks.starts), len(times)))
    sums: NDArray[Any] = of_unit @ times  # of the type of the draws
    return sums


def most_within(far: float, negatives: Ints) -> Ints:
    """Return how many of some pairs may be accepted at a false acceptance rate.

    The quotient is compared in floats, as scikit-learn's ROC curve has it: 0.1 admits 3 of 30.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        most = np.floor(far * negatives)
        most += (most + 1) / negatives <= far
        most -= most / negatives > far
    whole: Ints = most.astype(np.int64)
    return whole
