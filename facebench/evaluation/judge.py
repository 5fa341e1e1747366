"""Protocols: how features of a task are judged. Each lives once, here in the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.protocols.classification import classify
from facebench.evaluation.protocols.multilabel import detect_labels
from facebench.evaluation.protocols.pairs import verify_pairs
from facebench.evaluation.protocols.regression import regress
from facebench.evaluation.store import Features
from facebench.progress import Progress

PROTOCOLS: Mapping[str, Callable[..., Judgement]] = {
    "classification": classify,
    "multilabel": detect_labels,
    "regression": regress,
    "verification": verify_pairs,
}


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
    protocol = PROTOCOLS[dataset.task.info.protocol]
    return protocol(dataset, features, spec, seed=seed, progress=progress)
