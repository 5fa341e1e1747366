"""The nearest-neighbour probe of the classification protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.holdout import Rows, hold_out, split_rows
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.neighbours import nearest, votes
from facebench.evaluation.protocol import Probed
from facebench.evaluation.protocols.neighbours import class_predictions, possible_ks
from facebench.evaluation.store import Features
from facebench.progress import Progress


def probe_neighbours(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Probed:
    """Choose and predict; the arguments are those of ``Protocol.probe``.

    Raises:
        DataError: A split is empty or has fewer images than neighbours are asked for, or a class
            has too few items to hold some out.
    """
    labels = dataset.table["label"].to_numpy(np.int64)
    rows = split_rows(dataset, features.readable)
    parts = hold_out(dataset.table, rows, spec.holdout, seed, kinds=labels)
    train = rows["train"]
    ks = possible_ks(dataset.task.info.title, spec, len(parts.fit), len(train))
    classes = len(dataset.task.info.classes)
    found = _Neighbours(
        FeatureMatrix(features.values, device=features.device), torch.tensor(labels)
    )
    with progress.bar("probe", len(parts.fit) + len(train), "image") as advance:
        similar, voters = found.of(parts.held, parts.fit, max(ks), advance)
        tried = [
            (k, temperature, float((decided == labels[parts.held]).mean()))
            for temperature in spec.temperatures
            for k, decided in zip(ks, votes(similar, voters, temperature, ks, classes), strict=True)
        ]
        k, temperature, _ = max(tried, key=lambda one: one[2])  # of equal ones the first
        similar, voters = found.of(
            rows["test"], train, max(k, spec.k), lambda done: advance(len(parts.fit) + done)
        )
    (honest,) = votes(similar, voters, temperature, [k], classes)
    (paper,) = votes(similar, voters, spec.temperature, [spec.k], classes)
    details = {
        "chosen": {"k": k, "temperature": temperature},
        "chosen_on": parts.origin,
        "held_out_items": len(parts.held),
        "held_out_accuracy": [
            {"k": k, "temperature": temperature, "accuracy": accuracy}
            for k, temperature, accuracy in tried
        ],
    }
    predictions = class_predictions(dataset, rows["test"], honest, paper)
    return Probed(predictions, details, choices={"classes": classes})


@dataclass(frozen=True)
class _Neighbours:
    """Features and labels of all images."""

    features: FeatureMatrix
    labels: Tensor

    def of(
        self, queries: Rows, rows: Rows, count: int, advance: Callable[[int], None]
    ) -> tuple[Tensor, Tensor]:
        """Return similarities and labels ``[Q, k]`` of the nearest rows."""
        similar, places = nearest(
            FeatureMatrix(self.features, rows=queries), FeatureMatrix(self.features, rows=rows),
            count, advance,
        )  # fmt: skip
        return similar, self.labels[torch.from_numpy(rows)[places]]
