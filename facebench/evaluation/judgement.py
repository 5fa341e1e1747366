"""The judgement: scores and predictions of a protocol.

A judgement holds two scores (design: honest by default). ``honest`` is the main score: all
choices are made on training data, the test split is used once. ``paper`` is the printed recipe, so
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
    """Scores and predictions of a protocol on features.

    Args:
        scores: JSON with ``honest`` and ``paper``; each has the metrics, and ``intervals`` with a
            95 % bootstrap interval ``[low, high]`` for every one of them.
        predictions: One row per test item, from which every score can be computed again.
        n_test: Test items that the task has.
        n_scored: Those that could be scored (images readable).
        details: Chosen hyper-parameters, and the rows that they were chosen on.
        floors: Scores without any representation: ``{"majority class": {"accuracy": 0.387}}``,
            with the metrics of ``scores`` that are defined for it.
        rescore: Function from a mask over the rows of ``predictions`` to the ``scores`` of these
            rows, by the same code; nothing is chosen or trained again. Raises ``DataError`` if
            there are too few rows.
    """

    scores: dict[str, Any]
    predictions: pd.DataFrame
    n_test: int
    n_scored: int
    details: dict[str, Any]
    floors: dict[str, dict[str, float]]
    rescore: Callable[[NDArray[np.bool_]], dict[str, Any]]
