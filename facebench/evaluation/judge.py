"""Evaluates features by the protocol of their task."""

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
    """Evaluate features by the protocol that the task names.

    Args:
        dataset: Table (and pairs) in the order of the features.
        features: Features of its images.
        spec: Options of the probe.
        seed: Seed of the held-out part, initial weights, order of batches and bootstrap.
        progress: Progress reporter.

    Raises:
        DataError: There are too few items to judge.
        UnknownNameError: There is no such protocol.
    """
    protocol = protocol_named(dataset.task.info.protocol)
    return protocol.judge(dataset, features, spec, seed=seed, progress=progress)
