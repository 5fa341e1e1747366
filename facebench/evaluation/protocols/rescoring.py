"""The scores of a stored result, computed again from its predictions by the protocol's own code.

What a reader needs besides the predictions stands in the result: how many classes there are, the
thresholds of each fold, seed and size of the bootstrap. Nothing is trained or chosen again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from facebench.errors import DataError
from facebench.evaluation.protocol import Protocol
from facebench.protocol import find_protocol, known_protocols


@dataclass(frozen=True)
class Judged:
    """What a stored result says besides its predictions.

    Args:
        protocol: Its name.
        scores: As stored; what its protocol chose is taken from there (thresholds of pairs, the
            number of classes), and which rows were left out without leaks.
        resamples: Of the bootstrap.
        seed: Of the run.
    """

    protocol: str
    scores: Mapping[str, Any]
    resamples: int
    seed: int


def scores_from_predictions(
    judged: Judged, predictions: pd.DataFrame, *, resamples: int | None = None
) -> dict[str, Any]:
    """Return ``honest`` and ``paper`` as they stand in a result, without what was watched.

    Args:
        judged: What the result says of its protocol.
        predictions: Of the result, or some of its rows.
        resamples: Of the bootstrap; those of the result when None. With the same number, seed and
            rows the intervals are the stored ones, too.

    Raises:
        DataError: A column is missing, there are too few rows, or no such protocol is known.
    """
    protocol = recorded_protocol(judged.protocol)
    draws = judged.resamples if resamples is None else resamples
    try:
        return protocol.rescore(judged.scores, predictions, resamples=draws, seed=judged.seed)
    except KeyError as error:
        raise DataError(
            f"these predictions cannot be scored: found columns {', '.join(predictions.columns)}; "
            f"expected {error} too. They belong to another result, or were cut."
        ) from error


def leak_free_from_predictions(
    judged: Judged, predictions: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """Return the scores of a result without what leaks, computed again.

    Args:
        judged: Of a result that was also scored without leaks.
        predictions: All of them.
    """
    levels = {}
    for name, level in judged.scores["without_leaks"].items():
        kept = np.ones(len(predictions), dtype=bool)
        kept[level["removed_rows"]] = False
        scores = scores_from_predictions(judged, predictions[kept])
        levels[name] = {"removed": int((~kept).sum()), **scores}
    return levels


def recorded_protocol(name: str) -> Protocol:
    """Return the protocol that a result names.

    Raises:
        DataError: It is unknown here.
    """
    protocol: Protocol | None = find_protocol(name)
    if protocol is None:
        raise DataError(
            f"unknown protocol '{name}'; expected one of {', '.join(known_protocols())}. Install "
            "the package that has it."
        )
    return protocol
