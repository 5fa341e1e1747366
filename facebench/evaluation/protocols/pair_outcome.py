"""Outcome of pair verification: accuracies, thresholds and ranking metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluation.metrics.pair_ranking import FARS, most_within
from facebench.protocol import ScoreKind

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Verification:
    """Outcome of verifying P pairs in K folds.

    Args:
        accuracies: ``[K]`` accuracy on each held-out fold, 0..1, in sorted order of the folds.
        thresholds: ``[K]`` threshold of the similarity, or of the distance for ``facenet``.
        scores: ``[P]`` similarity of each pair in its own fold (2 - 2 cos, negated, for
            ``facenet``); higher means more similar.
        predictions: ``[P]`` whether the pair was called the same when it was held out.
        roc_auc: Area under the ROC curve of the scores of all folds together, 0..1.
        tar_at_far: True acceptance rate for each false acceptance rate of ``FARS``.
    """

    accuracies: Floats
    thresholds: Floats
    scores: Floats
    predictions: Bools
    roc_auc: float
    tar_at_far: dict[float, float]

    @property
    def mean(self) -> float:
        """Mean accuracy over the folds, the main metric."""
        return float(self.accuracies.mean())

    @property
    def std(self) -> float:
        """Standard deviation of the accuracies (ddof 0), the "+-" of facenet and insightface."""
        return float(self.accuracies.std())

    @property
    def standard_error(self) -> float:
        """Standard error of the mean (ddof 1, over sqrt(K)), the "+-" of LFW's own tables."""
        return float(self.accuracies.std(ddof=1) / np.sqrt(len(self.accuracies)))


def scored_pairs(dataset: Dataset, readable: Bools) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Return the P pairs of a task whose images both have features, and their rows ``[P, 2]``.

    Args:
        dataset: Its table and pairs are read.
        readable: ``[N]`` which rows of the table have features.

    Raises:
        DataError: The task has no pairs.
    """
    if dataset.pairs is None:
        raise DataError(f"{dataset.task.info.title}: has no pairs to verify.")
    place = pd.Series(range(len(dataset)), index=dataset.table["path"])
    sides = [place[dataset.pairs[side]].to_numpy(np.int64) for side in ("first", "second")]
    rows = np.column_stack(sides).astype(np.int64, copy=False)
    scored = readable[rows].all(axis=1)
    return dataset.pairs.iloc[np.flatnonzero(scored)], rows[scored]


def similarities_of(predictions: pd.DataFrame, kind: ScoreKind) -> Floats:
    """Return the stored similarities ``[P]`` of pairs.

    Args:
        predictions: Stored predictions.
        kind: Kind of score.

    Raises:
        DataError: One is not finite, so that pairs have no order.
    """
    found = predictions[f"{kind}_similarity"].to_numpy(np.float64)
    lacking = int((~np.isfinite(found)).sum())
    if lacking:
        raise DataError(
            f"these pairs cannot be scored: found {lacking:,} of {len(found):,} {kind} "
            "similarities that are no finite numbers; expected none. Check the features."
        )
    return found


def decided(
    scores: Floats, predictions: Bools, thresholds: Floats, same: Bools, folds: npt.ArrayLike
) -> Verification:
    """Return the outcome of stored decisions on pairs, all of them or some.

    Args:
        scores: ``[P]`` similarity of each pair in its own fold.
        predictions: ``[P]`` whether it was called the same.
        thresholds: ``[K]`` stored thresholds.
        same: ``[P]`` whether the pairs show one person.
        folds: ``[P]`` fold of each pair.

    Raises:
        DataError: A fold, or a kind of pair, has none.
    """
    names, number, sizes = np.unique(np.asarray(folds), return_inverse=True, return_counts=True)
    if len(names) != len(thresholds) or len(np.unique(same)) < 2:
        raise DataError(
            f"a part of the pairs cannot be scored: found some in {len(names)} of "
            f"{len(thresholds)} folds; expected some in every fold, and both same and different "
            "ones."
        )
    return Verification(
        np.bincount(number, weights=predictions == same) / sizes,
        thresholds,
        scores,
        predictions,
        *ranked(scores, same),
    )


def ranked(
    scores: Floats, same: Bools, fars: Sequence[float] = FARS
) -> tuple[float, dict[float, float]]:
    """Return the area under the ROC curve, and the true acceptance rate at false acceptance rates.

    Without interpolation: it is the highest rate of a threshold that does not exceed the false
    acceptance rate. LFW's 3,000 different pairs resolve 1e-3 to 3 pairs and nothing finer.

    Args:
        scores: ``[P]`` similarities; higher means more similar.
        same: ``[P]`` whether the pairs show one person; some do, and some do not.
        fars: False acceptance rates, 0..1.

    Returns:
        The area, 0..1, and the true acceptance rate, 0..1, for each rate.
    """
    positives, negatives = np.sort(scores[same]), np.sort(scores[~same])
    # Different pairs that are less alike than each same pair, and those as alike, which count half.
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    below = sum(np.searchsorted(negatives, positives, side).sum() for side in sides)
    accepted = {}
    for far in fars:
        most = int(most_within(far, np.array(len(negatives))))
        # A threshold is above the most alike different pair that it may not accept.
        above = negatives[-1 - most] if most < len(negatives) else -np.inf
        accepted[far] = float((positives > above).mean())
    return float(below / (2 * len(positives) * len(negatives))), accepted
