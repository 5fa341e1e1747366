"""Classification metrics as functions of confusion matrices.

Accuracy, recall and F1 are functions of the confusion matrix, so intervals are computed by drawing
matrices instead of predictions (see ``intervals``); for that the functions take any number of
matrices at once. The tests compare every metric with scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from facebench.errors import DataError

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def confusion_matrix(labels: npt.ArrayLike, predictions: npt.ArrayLike, num_classes: int) -> Counts:
    """How often each class was predicted for each class.

    Args:
        labels: ``[N]`` integers from 0 to C - 1.
        predictions: ``[N]`` integers from 0 to C - 1.
        num_classes: C.

    Returns:
        ``[C, C]``: true classes in rows, predicted ones in columns.

    Raises:
        DataError: If the two differ in length, are empty, or name another class.
    """
    truth, guess = check_classes(labels, predictions, num_classes)
    cells = truth.astype(np.int64) * num_classes + guess
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def check_classes(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, num_classes: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return labels and predictions as arrays, if they are such as ``confusion_matrix`` takes.

    Raises:
        DataError: See ``confusion_matrix``.
    """
    truth, guess = np.asarray(labels), np.asarray(predictions)
    seen = np.concatenate([truth.ravel(), guess.ravel()])
    if (
        truth.ndim != 1
        or truth.shape != guess.shape
        or not seen.size
        or not np.issubdtype(seen.dtype, np.integer)
        or seen.min() < 0
        or seen.max() >= num_classes
    ):
        span = f", values from {seen.min()} to {seen.max()}" if seen.size else ""
        raise DataError(
            f"these predictions cannot be scored: found labels {truth.shape} and predictions "
            f"{guess.shape}{span}; expected two lists of one length, of integers from 0 to "
            f"{num_classes - 1}. Check the manifest's labels."
        )
    return truth, guess


def accuracy(confusion: npt.ArrayLike) -> Floats:
    """Fraction of correct predictions.

    Args:
        confusion: ``[..., C, C]`` counts.

    Returns:
        ``[...]`` in 0..1.
    """
    counts = np.asarray(confusion)
    right = np.trace(counts, axis1=-2, axis2=-1)
    return _ratio(right, counts.sum((-2, -1)))


def class_recalls(confusion: npt.ArrayLike) -> Floats:
    """Share of each class that was found, which is also that class's accuracy.

    Args:
        confusion: ``[..., C, C]`` counts.

    Returns:
        ``[..., C]`` in 0..1; NaN for a class that no item has.
    """
    counts = np.asarray(confusion)
    return _ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1))


def balanced_accuracy(confusion: npt.ArrayLike) -> Floats:
    """Mean recall over the classes that items have; ``[...]`` in 0..1. See ``class_recalls``."""
    return _mean_of_defined(class_recalls(confusion))


def class_f1(confusion: npt.ArrayLike) -> Floats:
    """F1 of each class, 2 TP / (2 TP + FP + FN).

    Args:
        confusion: ``[..., C, C]`` counts.

    Returns:
        ``[..., C]`` in 0..1; NaN for a class that no item has and none was given.
    """
    counts = np.asarray(confusion)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(2 * right, counts.sum(-1) + counts.sum(-2))


def macro_f1(confusion: npt.ArrayLike) -> Floats:
    """Mean F1 over the classes that occur as a label or a prediction, as scikit-learn has it.

    Args:
        confusion: ``[..., C, C]`` counts.

    Returns:
        ``[...]`` in 0..1.
    """
    return _mean_of_defined(class_f1(confusion))


def _ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> Floats:
    """Ratio of two counts, NaN where the denominator is 0."""
    with np.errstate(invalid="ignore"):  # where the whole is 0, so is the part
        ratio: Floats = np.divide(part, whole)
    return ratio


def _mean_of_defined(values: Floats) -> Floats:
    """Mean over the last axis without the NaNs; NaN if all values are NaN."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(-1), defined.sum(-1))
