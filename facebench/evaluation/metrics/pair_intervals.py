"""Bootstrap intervals of the ranking metrics of pair verification.

Pairs are drawn with replacement; with the pairs sorted once, a resample is a vector of counts,
and AUC and TAR@FAR follow from cumulative sums of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FARS = (1e-1, 1e-2, 1e-3)
"""False acceptance rates at which TAR is reported."""
_BUDGET = 2**17  # counts at a time: 1 MB, which a processor's cache holds


def ranking_metrics(
    scores: Floats, same: NDArray[np.bool_], counts: Floats, fars: tuple[float, ...]
) -> Floats:
    """Return ROC-AUC and TAR at each FAR for weighted pairs.

    Args:
        scores: [P] similarities.
        same: [P] whether a pair shows one person.
        counts: [R, P] number of times that each pair was drawn in each resample.
        fars: False acceptance rates, each in 0..1.

    Returns:
        [R, 1 + len(fars)]; NaN where a resample has pairs of one kind only.
    """
    order = np.argsort(-scores, kind="stable")  # most alike first
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))  # last pair of each tied group
    drawn, truth = counts[:, order], same[order]
    accepted = np.cumsum(drawn * truth, axis=1)[:, ends]  # [R, G] positives down to the group
    false = np.cumsum(drawn, axis=1)[:, ends] - accepted  # whole numbers: exact
    with np.errstate(invalid="ignore", divide="ignore"):
        tar, far = accepted / accepted[:, -1:], false / false[:, -1:]
    start = np.zeros((len(counts), 1))
    tar, far = np.hstack([start, tar]), np.hstack([start, far])
    auc = (np.diff(far, axis=1) * (tar[:, 1:] + tar[:, :-1]) / 2).sum(axis=1)
    # Both rates rise: TAR is highest at the last group that does not exceed the FAR.
    last = [np.maximum((far <= limit).sum(axis=1) - 1, 0) for limit in fars]
    at = [tar[np.arange(len(tar)), place] for place in last]
    result = np.column_stack([auc, *at])
    result[~np.isfinite(far[:, -1] + tar[:, -1])] = np.nan
    return result


def bootstrap_ranking(
    scores: Floats,
    same: NDArray[np.bool_],
    fars: tuple[float, ...],
    *,
    rng: np.random.Generator,
    resamples: int,
    level: float = 0.95,
) -> tuple[Floats, Floats]:
    """Return the lower and upper ends, each ``[1 + len(fars)]``, of :func:`ranking_metrics`.

    Percentile intervals over resampled pairs.
    """
    pairs = len(scores)
    values = []
    step = max(1, _BUDGET // pairs)
    for begin in range(0, resamples, step):
        size = min(step, resamples - begin)
        counts = rng.multinomial(pairs, np.full(pairs, 1 / pairs), size=size).astype(float)
        values.append(ranking_metrics(scores, same, counts, fars))
    tail = (1 - level) / 2
    low, high = np.nanquantile(np.concatenate(values), [tail, 1 - tail], axis=0)
    return low, high
