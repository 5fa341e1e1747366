"""Classification by the nearest class centroid: SimpleShot (``--probe centroid``).

The mean of all training features is subtracted from each feature, which is then normalised; an
image is of the class whose mean of such training features is nearest (Wang et al., "SimpleShot",
arXiv 1911.04623: CL2N, with Euclidean distance). Nothing is chosen, so ``honest`` and ``paper`` are
the same.
"""

from __future__ import annotations

import numpy as np

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.holdout import split_rows
from facebench.evaluation.protocol import Probed
from facebench.evaluation.protocols.neighbours import ClassDecisions, class_predictions
from facebench.evaluation.store import Features
from facebench.progress import Progress


class NearestCentroid(ClassDecisions):
    """The class of the nearest centroid; see the module's docstring."""

    name = "centroid"

    def check_items(self, dataset: Dataset, spec: ProbeSpec, *, seed: int) -> None:
        """Check that both splits have items; none are held out."""
        split_rows(dataset, np.ones(len(dataset), dtype=bool))

    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        """Compute the centroids of the training images, and find the nearest one.

        Raises:
            DataError: A split is empty.
        """
        from facebench.evaluation.probe.centroids import Centroids  # with torch
        from facebench.evaluation.probe.feature_matrix import FeatureMatrix

        labels = dataset.table["label"].to_numpy(np.int64)
        rows, classes = split_rows(dataset, features.readable), len(dataset.task.info.classes)
        whole = FeatureMatrix(features.values)
        train = FeatureMatrix(whole, rows=rows["train"])
        with progress.bar("probe", len(train), "image") as advance:
            centroids = Centroids.of(train, labels[rows["train"]], classes)
            decided = centroids.nearest(FeatureMatrix(whole, rows=rows["test"]))
            advance(len(train))
        missing = np.setdiff1d(np.arange(classes), labels[rows["train"]])
        details = {"centroids": classes - len(missing)}
        predictions = class_predictions(dataset, rows["test"], decided, decided)
        return Probed(predictions, details, choices={"classes": classes})
