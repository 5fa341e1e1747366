"""The scores of a stored result, computed again from its predictions by the protocol's own code.

What a reader needs besides the predictions stands in the record: how many classes there are, the
thresholds of each fold, seed and size of the bootstrap. Nothing is trained or chosen again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from facebench.errors import DataError
from facebench.evaluation.protocol import Protocol
from facebench.protocol import find_protocol, known_protocols

Record = Mapping[str, Any]


def scores_from_predictions(
    record: Record, predictions: pd.DataFrame, *, resamples: int | None = None
) -> dict[str, Any]:
    """Return ``honest`` and ``paper`` as ``record["scores"]`` has them, without what was watched.

    Args:
        record: Of the result; its scores are not looked at, but for what its protocol chose.
        predictions: Of the result, or some of its rows.
        resamples: Of the bootstrap; those of the result when None. With the same number, seed and
            rows the intervals are the stored ones, too.

    Raises:
        DataError: A column is missing, there are too few rows, or no such protocol is known.
    """
    protocol, spec = recorded_protocol(record), record["spec"]
    draws = spec["probe"]["resamples"] if resamples is None else resamples
    try:
        return protocol.rescore(record["scores"], predictions, resamples=draws, seed=spec["seed"])
    except KeyError as error:
        raise DataError(
            f"these predictions cannot be scored: found columns {', '.join(predictions.columns)}; "
            f"expected {error} too. They belong to another result, or were cut."
        ) from error


def recorded_protocol(record: Record) -> Protocol:
    """Return the protocol that judged a result.

    Raises:
        DataError: It is unknown here.
    """
    name = record["task"]["protocol"][0]
    protocol: Protocol | None = find_protocol(name)
    if protocol is None:
        raise DataError(
            f"unknown protocol '{name}'; expected one of {', '.join(known_protocols())}. Install "
            "the package that has it."
        )
    return protocol


def leak_free_from_predictions(
    record: Record, predictions: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """Return ``record["scores"]["without_leaks"]``, computed again.

    Args:
        record: Of a result that was also scored without leaks.
        predictions: All of them.
    """
    levels = {}
    for name, level in record["scores"]["without_leaks"].items():
        kept = np.ones(len(predictions), dtype=bool)
        kept[level["removed_rows"]] = False
        scores = scores_from_predictions(record, predictions[kept])
        levels[name] = {"removed": int((~kept).sum()), **scores}
    return levels
