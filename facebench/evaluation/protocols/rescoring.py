"""The scores of a stored result, computed again from its predictions by the protocol's own code.

What a reader needs besides the predictions stands in the result: how many classes there are, the
thresholds of each fold, seed and size of the bootstrap. Nothing is trained or chosen again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from facebench.errors import DataError
from facebench.evaluation.protocols import classification, multilabel, pairs, regression


@dataclass(frozen=True)
class Judged:
    """What a stored result says besides its predictions.

    Args:
        protocol: Its name.
        scores: As stored; ``thresholds`` and ``variant`` of pairs and the number of classes are
            taken from there, and which rows were left out without leaks.
        resamples: Of the bootstrap.
        seed: Of the run.
    """

    protocol: str
    scores: Mapping[str, Any]
    resamples: int
    seed: int


# Chosen or watched while a probe was trained: no prediction of the last epoch tells these.
WATCHED = frozenset(
    {
        "best_epoch",
        "best_epoch_by_fold",
        "test_accuracy_by_epoch",
        "test_accuracy_by_fold_and_epoch",
        "test_f1_by_fold_and_epoch",
        "test_mae_by_epoch",
    }
)


def scores_from_predictions(
    judged: Judged, predictions: pd.DataFrame, *, resamples: int | None = None
) -> dict[str, Any]:
    """Return ``honest`` and ``paper`` as they stand in a result, without ``WATCHED``.

    Args:
        judged: What the result says of its protocol.
        predictions: Of the result, or some of its rows.
        resamples: Of the bootstrap; those of the result when None. With the same number, seed and
            rows the intervals are the stored ones, too.

    Raises:
        DataError: A column is missing, there are too few rows, or no such protocol is known.
    """
    protocol = judged.protocol
    scorers: Mapping[str, Callable[..., dict[str, Any]]] = {
        "classification": _classes,
        "multilabel": _labels,
        "regression": _numbers,
        "verification": _pairs,
    }
    if protocol not in scorers:
        raise DataError(f"unknown protocol '{protocol}'; expected one of {', '.join(scorers)}.")
    draws = judged.resamples if resamples is None else resamples
    try:
        return scorers[protocol](judged.scores, predictions, resamples=draws, seed=judged.seed)
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


def errors_by_yaw_from_predictions(predictions: pd.DataFrame) -> dict[str, Any]:
    """Return the errors of head poses by ranges of yaw, computed again."""
    return regression.yaw_table(predictions, target_names(predictions))


def target_names(predictions: pd.DataFrame) -> tuple[str, ...]:
    """Return what the predictions have a ``label_NAME`` of, in the order of the task."""
    prefix = "label_"
    return tuple(n.removeprefix(prefix) for n in predictions.columns if n.startswith(prefix))


def _classes(stored: Mapping[str, Any], predictions: pd.DataFrame, **draws: int) -> dict[str, Any]:
    classes = len(stored["honest"]["confusion"])
    return classification.scores_of(predictions, classes, **draws)


def _labels(_: Mapping[str, Any], predictions: pd.DataFrame, **draws: int) -> dict[str, Any]:
    return multilabel.scores_of(predictions, target_names(predictions), **draws)


def _numbers(_: Mapping[str, Any], predictions: pd.DataFrame, **draws: int) -> dict[str, Any]:
    return regression.scores_of(predictions, target_names(predictions), **draws)


def _pairs(stored: Mapping[str, Any], predictions: pd.DataFrame, **draws: int) -> dict[str, Any]:
    thresholds = {kind: stored[kind]["thresholds"] for kind in ("honest", "paper")}
    scores = pairs.scores_of(predictions, thresholds, **draws)
    return {kind: {"variant": stored[kind]["variant"], **scores[kind]} for kind in scores}
