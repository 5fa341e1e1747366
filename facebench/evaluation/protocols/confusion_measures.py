"""Metrics of confusion matrices as functions of a draw of test items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from facebench.evaluation.metrics.confusion import accuracy, check_classes
from facebench.evaluation.resampling import Floats, Measure, Measured, holding
from facebench.evaluation.units import Ints

Bools = npt.NDArray[np.bool_]
_BUDGET = 2**22  # cells held at a time: 32 MB


def confusions_of(
    labels: Ints, guesses: Ints, of_item: Ints, num_classes: int
) -> Callable[[npt.NDArray[Any]], Floats]:
    """Return the confusion matrices ``[R, C, C]`` as a function of how often each unit is drawn.

    An item counts in one of the matrix's cells, so the cells of a draw are sums of draws of units,
    which are whole and so exact in every type that can hold them.

    Args:
        labels: ``[N]`` true classes, 0 to C - 1.
        guesses: ``[N]`` predicted classes.
        of_item: ``[N]`` unit of each item, 0-based.
        num_classes: C.

    Raises:
        DataError: See ``metrics.confusion_matrix``.
    """
    check_classes(labels, guesses, num_classes)
    kind = holding(of_item)
    shape = (num_classes**2, 1 + int(of_item.max()))

    @cache  # made when it is needed: of a result's metrics only some are drawn
    def of_unit() -> scipy.sparse.csr_array:
        cells = (labels * num_classes + guesses, of_item)
        return scipy.sparse.csr_array((np.ones(len(labels), kind), cells), shape=shape)

    def confusions(times: npt.NDArray[Any]) -> Floats:
        cells = (of_unit() @ times.T.astype(kind, copy=False)).astype(np.float64)
        # The draws of a cell stay side by side in memory, where metrics sum over few cells.
        return np.moveaxis(cells.reshape(num_classes, num_classes, -1), -1, 0)

    return confusions


def accuracy_of(right: Bools, of_item: Ints, name: str = "accuracy") -> Measured:
    """Return the accuracy as a function of how often each unit is drawn.

    It needs no other cells than those of right and wrong decisions.

    Args:
        right: ``[N]`` whether each decision is right.
        of_item: ``[N]`` unit of each item, 0-based.
        name: Name of the metric.
    """
    ones = np.ones(len(right), np.int64)
    return of_confusions({name: accuracy}, ones, right.astype(np.int64), of_item, 2)


def mean_accuracy_of(right: Bools, folds: Ints, of_item: Ints) -> Measured:
    """Return the mean of the accuracies of folds as a function of how often each unit is drawn.

    Of folds of one size this is the accuracy of all items. Else an item weighs the less, the larger
    its fold is, also in a draw, which may have none of a fold.

    Args:
        right: ``[N]`` whether each decision is right.
        folds: ``[N]`` fold of each item.
        of_item: ``[N]`` unit of each item, 0-based.
    """
    _, number, sizes = np.unique(folds, return_inverse=True, return_counts=True)
    if (sizes == sizes[0]).all():
        return accuracy_of(right, of_item)
    weights = 1 / sizes[number]
    of_unit = np.stack(
        [np.bincount(of_item, weights=weights * right), np.bincount(of_item, weights=weights)], 1
    )

    def values(times: npt.NDArray[Any]) -> Floats:
        sums = np.asarray(times, np.float64) @ of_unit
        shares: Floats = sums[:, :1] / sums[:, 1:]
        return shares

    return Measured(("accuracy",), values)


def of_confusions(
    metrics: Mapping[str, Callable[[npt.ArrayLike], Floats]],
    labels: Ints,
    guesses: Ints,
    of_item: Ints,
    num_classes: int,
) -> Measured:
    """Return metrics as functions of how often each unit is drawn.

    Args:
        metrics: Functions from confusion matrices ``[R, C, C]`` to values ``[R]``, by name.
        labels: See :func:`confusions_of`, as all others.
        guesses: See there.
        of_item: See there.
        num_classes: See there.

    Raises:
        DataError: See ``metrics.confusion_matrix``.
    """
    found = values_of_confusions(list(metrics.values()), labels, guesses, of_item, num_classes)
    return Measured(tuple(metrics), found, of_integers=True)


def values_of_confusions(
    metrics: Sequence[Callable[[npt.ArrayLike], Floats]],
    labels: Ints,
    guesses: Ints,
    of_item: Ints,
    num_classes: int,
) -> Measure:
    """Return metrics, of one or of several values, side by side; see :func:`of_confusions`.

    Of many classes few matrices are held at a time.
    """
    confusions = confusions_of(labels, guesses, of_item, num_classes)
    step = max(1, _BUDGET // num_classes**2)

    def values(times: npt.NDArray[Any]) -> Floats:
        parts = []
        for start in range(0, len(times), step):
            cells = confusions(times[start : start + step])
            of_metrics = [metric(cells).reshape(len(cells), -1) for metric in metrics]
            parts.append(np.concatenate(of_metrics, axis=1))
        return np.concatenate(parts)

    return values
