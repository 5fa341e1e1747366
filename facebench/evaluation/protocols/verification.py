"""The verification protocol: pairs of faces, by cosine similarity or by a learned head.

``cosine`` (default), in which nothing is trained
    honest
        Cosine similarity; for each fold the threshold that is most accurate on all other folds,
        searched over every similarity observed there (LFW's View 2).
    paper
        The field's usual implementation (facenet, insightface): squared distance of normalised
        features and a grid of 400 thresholds. PCL's paper only says "averaged across the 10
        folds". Both touch a fold only once, so they differ by the coarseness of the grid alone.

``learned`` (``--set probe.verification=learned``)
    For each fold a head (``probe/pair_head.py``) is trained on all other folds,
    and the threshold chosen on the same folds; then both are applied to the fold, once.

    honest
        The learning rate is chosen by accuracy on one of the other folds, with head and threshold
        from the rest of them (no fold shares a person with another); the head is then trained on
        all of them. The threshold is searched exactly.
    paper
        No paper gives code or a recipe for this variant: the learning rate and batches of PCL's
        released linear probe, and facenet's grid of thresholds. The last epoch is used; accuracy
        on the fold after each epoch is stored but not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.metrics.intervals import as_json
from facebench.evaluation.metrics.pair_ranking import FARS, ranking_metrics
from facebench.evaluation.protocol import Bools, CurveForm, Floats, Ints, Probed, Protocol
from facebench.evaluation.protocols.confusion_measures import mean_accuracy_of
from facebench.evaluation.protocols.pair_outcome import (
    Verification,
    decided,
    scored_pairs,
    similarities_of,
)
from facebench.evaluation.resampling import Measured, holding, interval_ends
from facebench.evaluation.store import Features
from facebench.evaluation.units import units
from facebench.progress import Progress
from facebench.protocol import ScoreKind
from facebench.task import TaskInfo

_RANKING = ("roc_auc", *(f"tar_at_far_{far:g}" for far in FARS))
_METRICS = ("accuracy", *_RANKING)
_KINDS: tuple[ScoreKind, ...] = ("honest", "paper")


class PairVerification(Protocol):
    """Same person or not, for each pair of images; see the module's docstring."""

    name = "verification"
    version = 1
    folded = True
    paired = True
    target_kind = "identities"
    curve = CurveForm("test_accuracy_by_fold_and_epoch", "accuracy", by_fold=True)
    monitored = frozenset({"test_accuracy_by_fold_and_epoch"})

    def table_columns(self, info: TaskInfo) -> tuple[str, ...]:
        """Return none: pairs have their own table."""
        return ()

    def metrics(self, info: TaskInfo) -> tuple[str, ...]:
        """Return accuracy, the area under the ROC curve, and points on that curve."""
        return _METRICS

    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        """Compare pairs, and choose thresholds in every fold.

        Raises:
            DataError: The task has no pairs, or none can be scored, or a head cannot be learned
                from fewer than three folds.
        """
        from facebench.evaluation.protocols.pair_decisions import decide_pairs  # with torch

        return decide_pairs(dataset, features, spec, seed=seed, progress=progress)

    def check_items(self, dataset: Dataset, spec: ProbeSpec, *, seed: int) -> None:
        """Check that there are pairs of both kinds, in as many folds as are needed."""
        from facebench.evaluation.protocols.learned_pairs import check_folds  # with torch
        from facebench.evaluation.protocols.pair_folds import check_pairs

        pairs, rows = scored_pairs(dataset, np.ones(len(dataset), dtype=bool))
        _, _, number = check_pairs(rows, pairs["same"].to_numpy(bool), pairs["fold"].to_numpy())
        if spec.verification == "learned":
            check_folds(1 + int(number.max()))

    def score(
        self, predictions: pd.DataFrame, choices: Mapping[str, Any], *, resamples: int, seed: int
    ) -> dict[str, Any]:
        """Score pairs with ``same``, ``fold``, ``KIND_similarity`` and the decision ``KIND``.

        ``choices`` has, for each kind of score, the name of its variant, and the thresholds
        ``[K]`` of the folds in order.

        Raises:
            DataError: A fold, or a kind of pair, has none; or a similarity is not finite.
        """
        same, folds = predictions["same"].to_numpy(bool), predictions["fold"].to_numpy(np.int64)
        drawn, scores, of_order = units(predictions), dict[str, Any](), dict[bytes, Floats]()

        def ends_of(part: Measured) -> Floats:
            return interval_ends(drawn, part.measure, resamples=resamples, seed=seed)

        for kind in _KINDS:
            similarities = similarities_of(predictions, kind)
            outcome = decided(
                similarities,
                predictions[kind].to_numpy(bool),
                np.asarray(choices["thresholds"][kind], dtype=np.float64),
                same,
                folds,
            )
            # Both kinds mostly rank the pairs alike, which is all that these metrics depend on.
            order = np.unique(similarities, return_inverse=True)[1].tobytes()
            decisions, ranking = self.measures(predictions, kind, drawn.of_item)
            if order not in of_order:
                of_order[order] = ends_of(ranking)
            ends = np.concatenate([ends_of(decisions), of_order[order]], axis=1)
            scores[kind] = {
                "variant": choices["variants"][kind],
                **_values(outcome),
                "intervals": dict(zip(_METRICS, as_json(ends.T), strict=True)),
            }
        return scores

    def choices(self, scores: Mapping[str, Any]) -> dict[str, Any]:
        """Return variants and thresholds as stored."""
        return {
            "variants": {kind: scores[kind]["variant"] for kind in _KINDS},
            "thresholds": {kind: scores[kind]["thresholds"] for kind in _KINDS},
        }

    def floors(self, dataset: Dataset, readable: Bools) -> dict[str, dict[str, float]]:
        """Return the accuracy of always predicting the more frequent answer."""
        same = scored_pairs(dataset, readable)[0]["same"].to_numpy(bool)
        return {"chance": {"accuracy": float(max(same.mean(), 1 - same.mean())), "roc_auc": 0.5}}

    def measures(self, predictions: pd.DataFrame, kind: ScoreKind, of_item: Ints) -> list[Measured]:
        """Return accuracy and the ranking metrics; groups of people are drawn."""
        same = predictions["same"].to_numpy(bool)
        right = predictions[kind].to_numpy(bool) == same
        decisions = mean_accuracy_of(right, predictions["fold"].to_numpy(np.int64), of_item)
        similarities = similarities_of(predictions, kind)
        kind_of_sums = holding(of_item)

        def ranked(times: npt.NDArray[Any]) -> Floats:
            of_unit = times.T.astype(kind_of_sums, copy=False)
            return ranking_metrics(similarities, same, of_unit, of_item, FARS)

        return [decisions, Measured(_RANKING, ranked, of_integers=True)]


def _values(outcome: Verification) -> dict[str, Any]:
    """Return the metrics of an outcome, as JSON."""
    ranked = [outcome.roc_auc, *(outcome.tar_at_far[far] for far in FARS)]
    return {
        "accuracy": outcome.mean,
        "std_over_folds": outcome.std,
        "standard_error": outcome.standard_error,
        "accuracy_by_fold": outcome.accuracies.tolist(),
        "thresholds": outcome.thresholds.tolist(),
        **dict(zip(_RANKING, map(float, ranked), strict=True)),
    }
