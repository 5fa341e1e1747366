"""Judging: the protocol that a task names turns features into scores."""

from __future__ import annotations

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.protocol import protocol_named
from facebench.evaluation.store import Features
from facebench.progress import Progress


def judge(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Judgement:
    """Judge features by the protocol that the task names.

    Args:
        dataset: Table (and pairs) in the order of the features.
        features: Of its images.
        spec: Of the probe.
        seed: Of held-out part, initial weights, order of batches and bootstrap.
        progress: Told how far it is.

    Raises:
        DataError: There are too few items to judge.
        UnknownNameError: There is no such protocol.
    """
    protocol = protocol_named(dataset.task.info.protocol)
    return protocol.judge(dataset, features, spec, seed=seed, progress=progress)
