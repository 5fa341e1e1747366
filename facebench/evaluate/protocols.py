"""Protocols: how features of a task are judged. Each lives once, here in the core.

A judgement holds two scores (design: honest by default). ``honest`` is the headline: everything
is chosen on training data, the test split is touched once. ``paper`` is the printed recipe, so
that printed tables can be compared; the difference between the two is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facebench.dataset import Dataset
from facebench.evaluate.store import Features
from facebench.progress import Progress
from facebench.spec import ProbeSpec

# Goes up when the same features would get other scores.
PROTOCOL_VERSION = 1


@dataclass(frozen=True)
class Judgement:
    """What a protocol says about features.

    Args:
        scores: JSON with ``honest`` and ``paper``; each has the metrics, and ``intervals`` with a
            95 % bootstrap interval ``[low, high]`` for every one of them.
        predictions: One row per test item, from which every score can be computed again.
        n_test: Test items that the task has.
        n_scored: Those that could be scored (images readable).
        details: What was chosen, and on what.
        floors: What is reached without any representation: ``{"majority class": {"accuracy":
            0.387}}``, with the metrics of ``scores`` that are known for it.
        rescore: From a mark for each row of ``predictions`` to ``scores`` of the marked rows, by
            the same code; nothing is chosen or trained again. Raises ``DataError`` if too few are
            marked.
    """

    scores: dict[str, Any]
    predictions: pd.DataFrame
    n_test: int
    n_scored: int
    details: dict[str, Any]
    floors: dict[str, dict[str, float]]
    rescore: Callable[[NDArray[np.bool_]], dict[str, Any]]


def judge(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Judgement:
    """Judge features by the protocol that the task names.

    Args:
        dataset: Table (and pairs) in the order of the features.
        features: Of its images.
        spec: Of the probe.
        seed: Of held-out part, initial weights, order of batches and bootstrap.
        progress: Who watches.

    Raises:
        DataError: There are too few items to judge.
    """
    from facebench.evaluate.classification import classify
    from facebench.evaluate.multilabel import detect_labels
    from facebench.evaluate.pairs import verify_pairs
    from facebench.evaluate.regression import regress

    protocols: Mapping[str, Callable[..., Judgement]] = {
        "classification": classify,
        "multilabel": detect_labels,
        "regression": regress,
        "verification": verify_pairs,
    }
    protocol = protocols[dataset.task.info.protocol]
    return protocol(dataset, features, spec, seed=seed, progress=progress)
