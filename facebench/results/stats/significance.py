"""Tests of significance as pure functions: McNemar's, the paired bootstrap's, Holm's correction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class McNemar:
    """Two decisions on each of the same items.

    Args:
        both: Items that both have right.
        only_a: Items that only the first has right.
        only_b: Items that only the second has right.
        neither: The rest.
        p: Two-sided mid-p value of "an item that only one has right is as often the one's as the
            other's" (McNemar 1947; mid-p: Fagerland, Lydersen and Laake 2013).
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    p: float


def mcnemar(a: npt.ArrayLike, b: npt.ArrayLike) -> McNemar:
    """Test two decisions on the same items.

    Args:
        a: ``[N]`` whether the first is right.
        b: ``[N]`` whether the second is.
    """
    first, second = np.asarray(a, dtype=bool), np.asarray(b, dtype=bool)
    only_a, only_b = int((first & ~second).sum()), int((~first & second).sum())
    split = only_a + only_b
    p = 1.0
    if split:
        fewer = min(only_a, only_b)
        # The binomial distribution up to this number, and up to the one before it.
        upto = float(scipy.special.bdtr(fewer, split, 0.5))
        below = float(scipy.special.bdtr(fewer - 1, split, 0.5)) if fewer else 0.0
        # The mid-p value: twice the tail less its last term; in the middle 1 less half of that.
        p = 1 - (upto - below) / 2 if 2 * fewer == split else upto + below
    return McNemar(int((first & second).sum()), only_a, only_b, int((~first & ~second).sum()), p)


def bootstrap_p(difference: float, drawn: npt.ArrayLike) -> float:
    """Two-sided p value of "there is no difference" by the paired bootstrap.

    Drawn differences scatter about the observed one as the observed one does about the true one,
    so it is asked how often they are as far from it as it is from 0.

    Args:
        difference: On the items themselves.
        drawn: ``[R]`` differences of draws; NaN is left out.

    Returns:
        At least 1 / (R + 1): finitely many draws prove nothing impossible.
    """
    values = np.asarray(drawn, dtype=np.float64)
    values = values[~np.isnan(values)]
    # A draw that repeats the observed items must count, whatever the rounding of sums.
    far = np.abs(values - difference) >= abs(difference) * (1 - 1e-9)
    return float((1 + far.sum()) / (1 + len(values)))


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjust p values for being several (Holm 1979): the family-wise error stays below alpha.

    Args:
        p_values: ``[M]``.

    Returns:
        ``[M]``, in the same order, at most 1; to be compared with alpha itself.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted
