"""F1 of binary labels: from counts, averaged over folds, and at its best threshold.

Papers on action units print, for each label, the mean over folds of F1 on the fold's test side
(JAA-Net, PCL); F1 over the frames of all folds together is another number. Both are functions of
the counts of true positives, false positives and false negatives. Without any of these (a label
that no test item has and that was never predicted), F1 is 0, as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
DEFAULT_THRESHOLD = 0.5


def outcome_counts(labels: npt.ArrayLike, decisions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the contribution of each item to the counts of F1.

    Args:
        labels: ``[...]`` 0 or 1.
        decisions: ``[...]`` 0 or 1.

    Returns:
        ``[..., 3]``, 0 or 1: true positive, false positive, false negative.
    """
    truth, guess = np.asarray(labels, dtype=bool), np.asarray(decisions, dtype=bool)
    return np.stack([truth & guess, ~truth & guess, truth & ~guess], axis=-1).astype(np.int64)


def f1(counts: npt.ArrayLike) -> Floats:
    """F1 = 2 TP / (2 TP + FP + FN); 0 without positives and predicted positives.

    Args:
        counts: ``[..., 3]``, see ``outcome_counts``.

    Returns:
        ``[...]`` in 0..1.
    """
    sums = np.asarray(counts, dtype=np.float64)
    whole = 2 * sums[..., 0] + sums[..., 1] + sums[..., 2]
    return np.divide(2 * sums[..., 0], whole, out=np.zeros_like(whole), where=whole > 0)


def metric_names(targets: Sequence[str]) -> list[str]:
    """Return the names of the values of ``fold_metrics``: ``f1``, ``f1_au1``, ``f1_pooled`` ..."""
    return [
        "f1",
        *(f"f1_{target}" for target in targets),
        "f1_pooled",
        *(f"f1_pooled_{target}" for target in targets),
    ]


def fold_metrics(counts: npt.ArrayLike) -> Floats:
    """Every F1 that is reported.

    Args:
        counts: ``[..., K, T, 3]`` of K folds and T labels.

    Returns:
        ``[..., 2 (T + 1)]`` in 0..1: mean over folds of each label's F1, preceded by the mean of
        these over labels; the same of the counts of all folds together.
    """
    sums = np.asarray(counts)
    of_folds, pooled = f1(sums).mean(-2), f1(sums.sum(-3))
    means = [values.mean(-1, keepdims=True) for values in (of_folds, pooled)]
    return np.concatenate([means[0], of_folds, means[1], pooled], axis=-1)


def subject_counts(
    labels: npt.ArrayLike, decisions: npt.ArrayLike, subjects: npt.ArrayLike, folds: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sum the counts of each subject.

    Args:
        labels: ``[N, T]`` 0 or 1.
        decisions: ``[N, T]`` 0 or 1.
        subjects: ``[N]`` subject of each item; each in one fold.
        folds: ``[N]`` fold in which an item is tested.

    Returns:
        Counts ``[G, T, 3]``, and the fold of each of the G subjects.
    """
    _, first, number = np.unique(np.asarray(subjects), return_index=True, return_inverse=True)
    outcomes = outcome_counts(labels, decisions)
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(len(first)))
    return np.add.reduceat(outcomes[order], starts), np.asarray(folds)[first]


def fold_counts(counts: npt.ArrayLike, folds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Sum the counts of subjects, ``[G, T, 3]``, to those of folds, ``[K, T, 3]``, in order."""
    totals, home = np.asarray(counts), np.asarray(folds)
    return np.stack([totals[home == fold].sum(0) for fold in np.unique(home)])


def best_threshold(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[float, float]:
    """Find the threshold with the highest F1; a label is predicted at or above it.

    All distinct thresholds are tried: half-way between adjacent probabilities, and below the
    lowest. Of equal ones, the one nearest to 0.5 is used.

    Args:
        labels: ``[N]`` 0 or 1.
        probabilities: ``[N]`` in 0..1.

    Returns:
        Threshold and F1 there; 0.5 and 0 if no item has the label.
    """
    truth = np.asarray(labels, dtype=np.float64)
    order = np.argsort(-np.asarray(probabilities, dtype=np.float64), kind="stable")
    values = np.asarray(probabilities, dtype=np.float64)[order]
    if not truth.any():
        return DEFAULT_THRESHOLD, 0.0
    right = truth[order].cumsum()
    scores = 2 * right / (np.arange(1, len(values) + 1) + truth.sum())
    following = np.append(values[1:], 0.0)
    ends = values > following  # the last of those that are equal; probability 0 is always given
    ends[-1] = True
    middle = (values + following) / 2
    # Between adjacent floats there is no middle.
    thresholds = np.where(middle > following, middle, values)[ends]
    scores = scores[ends]
    best = np.flatnonzero(scores == scores.max())
    chosen = best[np.abs(thresholds[best] - DEFAULT_THRESHOLD).argmin()]
    return float(thresholds[chosen]), float(scores[chosen])
