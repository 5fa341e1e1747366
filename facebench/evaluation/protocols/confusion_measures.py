"""Metrics of confusion matrices as functions of a draw of test items."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from facebench.evaluation.protocol import Floats, Ints, Measured


def of_confusions(
    name: str, metric: Callable[[npt.ArrayLike], Floats], confusions: Ints
) -> Measured:
    """Return a metric as a function of how often each unit is drawn.

    Args:
        name: Name of the metric.
        metric: Function from confusion matrices ``[R, C, C]`` to values ``[R]``.
        confusions: ``[U, C, C]``, confusion matrix of each unit.
    """
    flat = confusions.reshape(len(confusions), -1).astype(np.float64)

    def value(times: Floats) -> Floats:
        return metric((times @ flat).reshape(-1, *confusions.shape[1:]))[:, None]

    return Measured([name], value)
