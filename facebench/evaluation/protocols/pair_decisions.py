"""Decisions on pairs, by cosine or by learned heads, for the verification protocol."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.protocol import Probed
from facebench.evaluation.protocols.learned_pairs import verify_learned
from facebench.evaluation.protocols.pair_folds import Variant, verify
from facebench.evaluation.protocols.pair_outcome import Verification, scored_pairs
from facebench.evaluation.store import Features
from facebench.progress import Progress


def decide_pairs(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Probed:
    """Compare pairs and decide on them; the arguments are those of ``Protocol.probe``.

    Raises:
        DataError: The task has no pairs, or none can be scored, or a head cannot be learned from
            fewer than three folds.
    """
    pairs, rows = scored_pairs(dataset, features.readable)
    same, folds = pairs["same"].to_numpy(bool), pairs["fold"].to_numpy(np.int64)
    judged = _verify(features, rows, same, folds, spec, seed=seed, progress=progress)
    predictions: pd.DataFrame = pairs.reset_index(drop=True)
    for name, outcome in judged.outcomes.items():
        predictions[f"{name}_similarity"] = outcome.scores
        predictions[name] = outcome.predictions
    thresholds = {name: outcome.thresholds for name, outcome in judged.outcomes.items()}
    choices = {"variants": judged.variants, "thresholds": thresholds}
    return Probed(predictions, judged.details, choices, judged.curves)


class _Judged(NamedTuple):
    """Variant and outcome for ``honest`` and ``paper``, the paper's curves if any, details."""

    variants: dict[str, str]
    outcomes: dict[str, Verification]
    curves: dict[str, Any]
    details: dict[str, Any]


def _verify(
    features: Features,
    rows: npt.NDArray[np.int64],
    same: npt.NDArray[np.bool_],
    folds: npt.NDArray[np.int64],
    spec: ProbeSpec,
    *,
    seed: int,
    progress: Progress,
) -> _Judged:
    exact: Variant = "exact_centred" if spec.centre else "exact"
    details = {"folds": len(np.unique(folds)), "verification": spec.verification}
    if spec.verification == "learned":
        learned = verify_learned(
            features.values, rows, same, folds,
            spec=spec, variant=exact, seed=seed, progress=progress,
        )  # fmt: skip
        return _Judged(
            {"honest": f"learned_{exact}", "paper": "learned_facenet"},
            {"honest": learned.honest, "paper": learned.paper},
            {"test_accuracy_by_fold_and_epoch": learned.paper_curve},
            details | learned.details,
        )
    outcomes: dict[str, Verification] = {}
    variants: dict[str, Variant] = {"honest": exact, "paper": "facenet"}
    with progress.bar("verify", len(variants), "protocol") as advance:
        for done, (kind, variant) in enumerate(variants.items(), start=1):
            outcomes[kind] = verify(features.values, rows, same, folds, variant=variant)
            advance(done)
    return _Judged({**variants}, outcomes, {}, details)
