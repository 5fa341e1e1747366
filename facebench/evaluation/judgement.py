"""What a protocol says about features.

A judgement holds two scores (design: honest by default). ``honest`` is the headline: everything
is chosen on training data, the test split is touched once. ``paper`` is the printed recipe, so
that printed tables can be compared; the difference between the two is reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Judgement:
    """What a protocol says about features.

    Args:
        scores: JSON with ``honest`` and ``paper``; each has the metrics, and ``intervals`` with a
            95 % bootstrap interval ``[low, high]`` for every one of them.
        predictions: One row per test item, from which every score can be computed again.
        n_test: Test items that the task has.
        n_scored: Those that could be scored (images readable).
        details: What was chosen, and on what.
        floors: What is reached without any representation: ``{"majority class": {"accuracy":
            0.387}}``, with the metrics of ``scores`` that are known for it.
        rescore: From a mark for each row of ``predictions`` to ``scores`` of the marked rows, by
            the same code; nothing is chosen or trained again. Raises ``DataError`` if too few are
            marked.
    """

    scores: dict[str, Any]
    predictions: pd.DataFrame
    n_test: int
    n_scored: int
    details: dict[str, Any]
    floors: dict[str, dict[str, float]]
    rescore: Callable[[NDArray[np.bool_]], dict[str, Any]]
