"""Metrics of stored predictions as functions of a draw, by the code of the protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.errors import StageError
from facebench.evaluation.metrics.absolute_error import metric_names as error_names
from facebench.evaluation.metrics.confusion import accuracy, balanced_accuracy, macro_f1
from facebench.evaluation.metrics.intervals import group_confusions
from facebench.evaluation.metrics.label_f1 import fold_metrics, subject_counts
from facebench.evaluation.metrics.label_f1 import metric_names as label_names
from facebench.evaluation.metrics.pair_intervals import FARS, ranking_metrics
from facebench.results.record import Record
from facebench.results.scores import Kind
from facebench.results.stats.resampling import Floats, Ints, Measure, Units

_OF_CONFUSION = {"accuracy": accuracy, "macro_f1": macro_f1, "balanced_accuracy": balanced_accuracy}
_OF_RANKING = ("roc_auc", *(f"tar_at_far_{far:g}" for far in FARS))


class _Part(NamedTuple):
    """Metrics that are computed at once."""

    names: Sequence[str]
    measure: Measure


def measure(
    record: Record, frame: pd.DataFrame, kind: Kind, names: Sequence[str], drawn: Units
) -> Measure:
    """Return how metrics follow from a draw, computed as the protocol of the result does.

    Args:
        record: Of the result.
        frame: Its predictions.
        kind: Which of its scores.
        names: Of the M metrics, in order.
        drawn: The units of ``frame``.

    Raises:
        StageError: A metric cannot be computed from predictions.
    """
    protocol, _ = record.task.protocol
    parts = {
        "classification": _classified, "verification": _verified,
        "multilabel": _detected, "regression": _regressed,
    }[protocol](frame, kind, drawn)  # fmt: skip
    known = [name for part in parts for name in part.names]
    missing = [name for name in names if name not in known]
    if missing:
        raise StageError(
            f"{record.task.title}: {missing[0]} cannot be computed from stored predictions; "
            f"expected one of {', '.join(known)}."
        )
    needed = [part for part in parts if set(part.names) & set(names)]
    places = [name for part in needed for name in part.names]
    order = [places.index(name) for name in names]

    def all_of(times: Floats) -> Floats:
        return np.concatenate([part.measure(times) for part in needed], axis=1)[:, order]

    return all_of


def _classified(frame: pd.DataFrame, kind: Kind, drawn: Units) -> list[_Part]:
    labels, guesses = frame["label"].to_numpy(np.int64), frame[kind].to_numpy(np.int64)
    classes = 1 + int(max(labels.max(), guesses.max()))
    confusions = group_confusions(labels, guesses, drawn.of_item, classes)
    return [_of_confusions(name, metric, confusions) for name, metric in _OF_CONFUSION.items()]


def _verified(frame: pd.DataFrame, kind: Kind, drawn: Units) -> list[_Part]:
    same = frame["same"].to_numpy(bool)
    confusions = group_confusions(
        same.astype(int), frame[kind].to_numpy(bool).astype(int), drawn.of_item, 2
    )
    scores = frame[f"{kind}_similarity"].to_numpy(np.float64)

    def ranked(times: Floats) -> Floats:
        return ranking_metrics(scores, same, times[:, drawn.of_item], FARS)

    return [_of_confusions("accuracy", accuracy, confusions), _Part(_OF_RANKING, ranked)]


def _of_confusions(name: str, metric: Callable[[npt.ArrayLike], Floats], confusions: Ints) -> _Part:
    """A metric of units' confusion matrices ``[U, C, C]``."""
    flat = confusions.reshape(len(confusions), -1).astype(np.float64)

    def value(times: Floats) -> Floats:
        return metric((times @ flat).reshape(-1, *confusions.shape[1:]))[:, None]

    return _Part([name], value)


def _detected(frame: pd.DataFrame, kind: Kind, drawn: Units) -> list[_Part]:
    targets = _targets(frame)
    labels, decisions = (
        frame[[f"{which}_{target}" for target in targets]].to_numpy(np.int8)
        for which in ("label", kind)
    )
    counts, home = subject_counts(labels, decisions, frame["subject"], frame["fold"])
    flat = counts.reshape(len(counts), -1).astype(np.float64)

    def values(times: Floats) -> Floats:
        of_folds = [times[:, home == fold] @ flat[home == fold] for fold in np.unique(home)]
        return fold_metrics(np.stack(of_folds, 1).reshape(len(times), -1, *counts.shape[1:]))

    return [_Part(label_names(targets), values)]


def _regressed(frame: pd.DataFrame, kind: Kind, drawn: Units) -> list[_Part]:
    targets = _targets(frame)
    predicted, true = (
        frame[[f"{which}_{target}" for target in targets]].to_numpy(np.float64)
        for which in (kind, "label")
    )
    absolute = np.column_stack([np.abs(predicted - true), np.ones(len(frame))])

    def values(times: Floats) -> Floats:
        sums = times @ absolute
        means = sums[:, :-1] / sums[:, -1:]
        return np.column_stack([means.mean(1), means])

    return [_Part(error_names(targets), values)]


def _targets(frame: pd.DataFrame) -> list[str]:
    return [c.removeprefix("label_") for c in map(str, frame) if c.startswith("label_")]
