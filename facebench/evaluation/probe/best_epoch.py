"""The best *test* epoch, as in published numbers; used by ``paper`` scores only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.heads import Heads


class BestEpoch:
    """Evaluates one head of a grid on the test side after each epoch.

    Args:
        matrix: Features of the test side.
        head: Position of the head in its grid.
        predict: Function from a single head and the features to its predictions ``[n, ...]``.
        value: Function from predictions to the score of the epoch.
        higher_is_better: Direction of improvement; of equal epochs the first is the best.

    Attributes:
        curve: Score after each epoch.
        best_epoch: Number of the best epoch, from 1.
        predictions: Predictions of the best epoch.
        last: Predictions of the last epoch.
    """

    def __init__(
        self,
        matrix: FeatureMatrix,
        head: int,
        predict: Callable[[Heads, FeatureMatrix], npt.NDArray[Any]],
        value: Callable[[npt.NDArray[Any]], float],
        *,
        higher_is_better: bool,
    ) -> None:
        self._matrix, self._head = matrix, head
        self._predict, self._value, self._sign = predict, value, 1 if higher_is_better else -1
        self.curve: list[float] = []
        self.best_epoch = 0
        self.predictions: npt.NDArray[Any] = np.empty(0)
        self.last: npt.NDArray[Any] = np.empty(0)

    def __call__(self, epoch: int, heads: Heads) -> None:
        """Evaluate the head after an epoch."""
        self.last = self._predict(heads.select([self._head]), self._matrix)
        value = self._value(self.last)
        if not self.curve or self._sign * value > max(self._sign * v for v in self.curve):
            self.best_epoch, self.predictions = epoch, self.last
        self.curve.append(value)
