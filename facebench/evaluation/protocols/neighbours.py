"""Classification by nearest neighbours: a probe without training (``--probe knn``).

Features are normalised; the k training images of the largest cosine similarity s vote for their
class with ``exp(s / T)``, as DINO does (Caron et al., ICCV 2021, and its released code), or, at
T = 0, with one vote each.

honest
    k and T are chosen by accuracy on held-out training items, as for the linear probe; then all
    training items vote, and the test items are evaluated once.
paper
    The recipe of DINO: k = 20, T = 0.07 (``probe.k``, ``probe.temperature``). Nothing is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluation.holdout import hold_out, split_rows
from facebench.evaluation.protocol import Probed
from facebench.evaluation.protocols.classification import Classification, class_scores
from facebench.evaluation.store import Features
from facebench.evaluation.units import units
from facebench.progress import Progress


class ClassDecisions(Classification):
    """What probes that decide on a class, and learn nothing by epochs, have in common."""

    version = 1
    probe_of = "classification"
    curve = None
    monitored: ClassVar[frozenset[str]] = frozenset()

    def score(
        self, predictions: pd.DataFrame, choices: Mapping[str, Any], *, resamples: int, seed: int
    ) -> dict[str, Any]:
        """Score classes, as ``label``, ``honest`` and ``paper`` give them.

        ``choices["classes"]`` is C.
        """
        classes, drawn = choices["classes"], units(predictions)
        return {
            kind: class_scores(predictions, kind, classes, drawn, resamples=resamples, seed=seed)
            for kind in ("honest", "paper")
        }


class NearestNeighbours(ClassDecisions):
    """Votes of the nearest training images; see the module's docstring."""

    name = "knn"

    def check_items(self, dataset: Dataset, spec: ProbeSpec, *, seed: int) -> None:
        """Check that some of each class can be held out, and that there are k neighbours."""
        labels = dataset.table["label"].to_numpy(np.int64)
        rows = split_rows(dataset, np.ones(len(dataset), dtype=bool))
        parts = hold_out(dataset.table, rows, spec.holdout, seed, kinds=labels)
        possible_ks(dataset.task.info.title, spec, len(parts.fit), len(rows["train"]))

    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        """Choose k and T, and let neighbours vote.

        Raises:
            DataError: A split is empty, has fewer images than neighbours are asked for, or a class
                has too few items to hold some out.
        """
        from facebench.evaluation.protocols.neighbour_votes import probe_neighbours  # with torch

        return probe_neighbours(dataset, features, spec, seed=seed, progress=progress)


def possible_ks(title: str, spec: ProbeSpec, fit: int, train: int) -> list[int]:
    """Return those of ``probe.ks`` that there are enough images for.

    Args:
        title: Title of the task.
        spec: Options of the probe.
        fit: Number of training images that are not held out.
        train: Number of training images.

    Raises:
        DataError: There are too few for all of them, or for ``probe.k``.
    """
    ks = [k for k in spec.ks if k <= fit]
    if not ks or spec.k > train:
        raise DataError(
            f"{title}: found {train:,} training images, {fit:,} of which are not held out; "
            f"expected as many as neighbours that vote (probe.k={spec.k}, probe.ks="
            f"{','.join(map(str, spec.ks))}). Give more items, or smaller numbers."
        )
    return ks


def class_predictions(dataset: Dataset, test: Any, honest: Any, paper: Any) -> pd.DataFrame:
    """Return a row with path, label and both decisions of each test item.

    Args:
        dataset: Its table is read.
        test: ``[n]`` rows of the table.
        honest: ``[n]`` classes.
        paper: ``[n]`` classes.
    """
    table = dataset.table.iloc[test]
    return pd.DataFrame(
        {
            "path": table["path"].to_numpy(),
            "label": table["label"].to_numpy(np.int64),
            "honest": honest,
            "paper": paper,
        }
    )
