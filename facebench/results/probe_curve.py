"""How the paper's probe did on the test side after each epoch: the curve that a result stores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebench.results.record import Record

# Protocol -> the stored curve, the metric that it shows, whether there is one for each fold.
_STORED = {
    "classification": ("test_accuracy_by_epoch", "accuracy", False),
    "multilabel": ("test_f1_by_fold_and_epoch", "f1", True),
    "regression": ("test_mae_by_epoch", "mae", False),
    "verification": ("test_accuracy_by_fold_and_epoch", "accuracy", True),
}
_LOWER_IS_BETTER = ("mae",)


@dataclass(frozen=True)
class ProbeCurve:
    """Scores of the paper's probe on the test side, which only ``paper`` may look at.

    Args:
        metric: Which score.
        key: Where it stands in the result, below ``scores.paper``.
        values: ``[K, E]``: one row for each fold, or one row.
        best_epochs: ``[K]`` from 1, of which the score was reported; empty where the last one is
            (a learned head for pairs).
    """

    metric: str
    key: str
    values: npt.NDArray[np.float64]
    best_epochs: tuple[int, ...]

    @property
    def higher_is_better(self) -> bool:
        """Return which way is better."""
        return self.metric not in _LOWER_IS_BETTER


def probe_curve(record: Record) -> ProbeCurve | None:
    """Return the curve of a result; None where nothing was trained (pairs by cosine)."""
    key, metric, folded = _STORED[record.task.protocol[0]]
    paper = record.scores.paper
    stored = paper.value(key)
    if stored is None:
        return None
    values = np.asarray(stored if folded else [stored], dtype=np.float64)
    best = paper.value("best_epoch_by_fold") or () if folded else [paper.value("best_epoch")]
    return ProbeCurve(metric, key, values, tuple(best))
