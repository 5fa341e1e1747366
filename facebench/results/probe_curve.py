"""The curve of the paper's probe on the test side, as stored in a result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebench.evaluation.protocols.rescoring import recorded_protocol
from facebench.results.record import Record


@dataclass(frozen=True)
class ProbeCurve:
    """Scores of the paper's probe on the test side after each epoch; used by ``paper`` only.

    Args:
        metric: Name of the metric.
        key: Key in the result, below ``scores.paper``.
        values: ``[K, E]``: one row for each fold, or one row.
        best_epochs: ``[K]`` from 1, of which the score was reported; empty where the last one is
            (a learned head for pairs).
        higher_is_better: Which way is better.
    """

    metric: str
    key: str
    values: npt.NDArray[np.float64]
    best_epochs: tuple[int, ...]
    higher_is_better: bool


def probe_curve(record: Record) -> ProbeCurve | None:
    """Return the curve of a result; None where nothing was trained (pairs by cosine).

    Raises:
        DataError: The protocol is unknown here.
    """
    form, paper = recorded_protocol(record.task.protocol[0]).curve, record.scores.paper
    stored = None if form is None else paper.value(form.key)
    if form is None or stored is None:
        return None
    values = np.asarray(stored if form.by_fold else [stored], dtype=np.float64)
    best = paper.value("best_epoch_by_fold") or () if form.by_fold else [paper.value("best_epoch")]
    return ProbeCurve(form.metric, form.key, values, tuple(best), form.higher_is_better)
