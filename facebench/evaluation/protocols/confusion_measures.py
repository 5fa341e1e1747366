"""Metrics of confusion matrices as functions of a draw of test items."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import scipy

from facebench.evaluation.metrics.confusion import check_classes
from facebench.evaluation.protocol import Floats, Ints, Measured


def of_confusions(
    metrics: Mapping[str, Callable[[npt.ArrayLike], Floats]],
    labels: Ints,
    guesses: Ints,
    of_item: Ints,
    num_classes: int,
) -> Measured:
    """Return metrics as functions of how often each unit is drawn.

    An item counts in one of the matrix's cells, so the cells of a draw are sums of few numbers,
    which are whole and so exact in every type that can hold them.

    Args:
        metrics: Functions from confusion matrices ``[R, C, C]`` to values ``[R]``, by name.
        labels: ``[N]`` true classes, 0 to C - 1.
        guesses: ``[N]`` predicted classes.
        of_item: ``[N]`` unit of each item, 0-based.
        num_classes: C.

    Raises:
        DataError: See ``metrics.confusion_matrix``.
    """
    check_classes(labels, guesses, num_classes)
    shape = (num_classes**2, 1 + int(of_item.max()))
    # No cell of a draw has more items than if the largest unit were drawn each time.
    most = shape[1] * int(np.bincount(of_item).max())
    small = next(kind for kind in (np.int16, np.int32, np.int64) if most <= np.iinfo(kind).max)
    ones = np.ones(len(labels), small)
    of_unit = scipy.sparse.csr_array((ones, (labels * num_classes + guesses, of_item)), shape=shape)

    def values(times: Floats) -> Floats:
        cells = (of_unit @ times.T).T.astype(np.float64)
        confusions = cells.reshape(-1, num_classes, num_classes)
        return np.stack([metric(confusions) for metric in metrics.values()], axis=1)

    return Measured(tuple(metrics), values, of_integers=True)
