"""Mean ranks over several test sets: Friedman's test and the critical difference of Nemenyi.

As in J. Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006,
section 3.2.2. A block is a test set; what is compared was evaluated on all of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import scipy

from facebench.config.spec import digest
from facebench.runtime.kept_values import keep, kept

VERSION = 1  # goes up when the same values would give other ranks

Floats = npt.NDArray[np.float64]


def block_ranks(values: npt.ArrayLike, higher_is_better: Sequence[bool]) -> Floats:
    """Rank the competitors of each block; 1 is the best, equals share the mean of their ranks.

    Args:
        values: ``[N, K]`` of K competitors in each of N blocks, in any unit.
        higher_is_better: ``[N]`` the direction of each block.

    Returns:
        ``[N, K]``.
    """
    sign = np.where(np.asarray(higher_is_better, bool), -1.0, 1.0)[:, None]
    ranked: Floats = scipy.stats.rankdata(sign * np.asarray(values, np.float64), axis=1)
    return ranked


def friedman_p(ranks: Floats) -> float:
    """Return the p value of Friedman's test: "all competitors are equally good".

    Args:
        ranks: ``[N, K]``, K at least 3.
    """
    if np.all(ranks == ranks[:, :1]):  # only ties: the statistic is 0 / 0
        return 1.0
    return float(scipy.stats.friedmanchisquare(*ranks.T).pvalue)


def critical_difference(competitors: int, blocks: int, alpha: float = 0.05) -> float:
    """Return how far two mean ranks have to be apart to differ (Nemenyi).

    ``q * sqrt(K (K + 1) / (6 N))``, q being the quantile of the studentized range with infinitely
    many degrees of freedom, divided by the square root of 2.

    Args:
        competitors: K, at least 2.
        blocks: N.
        alpha: The family-wise error.
    """
    q = float(scipy.stats.studentized_range.ppf(1 - alpha, competitors, np.inf)) / math.sqrt(2)
    return q * math.sqrt(competitors * (competitors + 1) / (6 * blocks))


def fewest_blocks(competitors: int, alpha: float = 0.05) -> int:
    """Return from how many blocks on the first and the last of K competitors can differ at all."""
    of_one = critical_difference(competitors, 1, alpha)
    return math.floor((of_one / (competitors - 1)) ** 2) + 1


def not_different(means: Sequence[float], distance: float) -> list[tuple[int, int]]:
    """Return the longest runs of mean ranks that lie within a critical difference.

    Args:
        means: Rising.
        distance: The critical difference.

    Returns:
        First and last place of each run of two or more that is not part of another.
    """
    runs: list[tuple[int, int]] = []
    for first, mean in enumerate(means):
        last = max(place for place, other in enumerate(means) if other - mean < distance)
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs


@dataclass(frozen=True)
class Ranking:
    """Ranks of K competitors in N blocks, and what follows from them.

    Args:
        ranks: ``[N][K]``.
        means: ``[K]`` mean ranks.
        p: P value of Friedman's test.
        distance: Critical difference at 5 %.
        needed: Number of blocks from which on so many competitors can differ at all.
    """

    ranks: list[list[float]]
    means: list[float]
    p: float
    distance: float
    needed: int


def ranking(values: Sequence[Sequence[float]], higher_is_better: Sequence[bool]) -> Ranking:
    """Rank competitors, kept in the cache: scipy.stats takes two seconds to be imported.

    Args:
        values: ``[N][K]`` of K competitors, 3 or more, in each of N blocks.
        higher_is_better: ``[N]`` the direction of each block.
    """
    inputs = [list(map(float, block)) for block in values]
    key = digest(
        {"mean ranks": VERSION, "code": [np.__version__, scipy.__version__], "values": inputs,
         "higher": list(map(bool, higher_is_better))}
    )  # fmt: skip
    value = kept(key)
    if value is not None:
        return Ranking(**json.loads(value))
    ranks = block_ranks(values, higher_is_better)
    blocks, competitors = ranks.shape
    found = Ranking(
        ranks=ranks.tolist(),
        means=ranks.mean(0).tolist(),
        p=friedman_p(ranks),
        distance=critical_difference(competitors, blocks),
        needed=fewest_blocks(competitors),
    )
    keep(key, json.dumps(asdict(found)).encode())
    return found
