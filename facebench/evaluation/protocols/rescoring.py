"""Computes the scores of a stored result again from its predictions, by the protocol's own code.

The result contains the other inputs: the number of classes, the thresholds of each fold, size of
the bootstrap. Nothing is trained or chosen again.
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
    """The protocol's entries of a stored result besides its predictions.

    Args:
        protocol: Name of the protocol.
        scores: Stored scores, with the choices of the protocol (thresholds of pairs, the number of
            classes) and the rows that were left out as leaks.
        resamples: Number of bootstrap resamples.
    """

    protocol: str
    scores: Mapping[str, Any]
    resamples: int


def scores_from_predictions(
    judged: Judged, predictions: pd.DataFrame, *, resamples: int | None = None
) -> dict[str, Any]:
    """Return ``honest`` and ``paper`` of a result, without values that were monitored per epoch.

    Args:
        judged: Entries of the result.
        predictions: Predictions of the result, or some of their rows.
        resamples: Number of bootstrap resamples; that of the result when None. With the same
            number and rows the intervals equal the stored ones.

    Raises:
        DataError: A column is missing, there are too few rows, or no such protocol is known.
    """
    protocol = recorded_protocol(judged.protocol)
    draws = judged.resamples if resamples is None else resamples
    try:
        return protocol.rescore(judged.scores, predictions, resamples=draws)
    except KeyError as error:
        raise DataError(
            f"these predictions cannot be scored: found columns {', '.join(predictions.columns)}; "
            f"expected {error} too. They belong to another result, or were changed."
        ) from error


def leak_free_from_predictions(
    judged: Judged, predictions: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """Return the scores of a result without leaked items, computed again.

    Args:
        judged: Entries of a result that was also scored without leaks.
        predictions: All predictions of the result.
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
        DataError: It is unknown.
    """
    protocol: Protocol | None = find_protocol(name)
    if protocol is None:
        raise DataError(
            f"unknown protocol '{name}'; expected one of {', '.join(known_protocols())}. Install "
            "the package that has it."
        )
    return protocol
