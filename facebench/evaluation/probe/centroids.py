"""Centroids of classes, of features less their mean and normalised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize

from facebench.evaluation.probe.feature_matrix import FeatureMatrix

_BLOCK = 2048  # rows read at a time


@dataclass(frozen=True)
class Centroids:
    """Centroids of classes (SimpleShot, arXiv 1911.04623, CL2N).

    Args:
        mean: ``[D]`` float32, what is subtracted from features before they are normalised.
        of_class: ``[C, D]`` float32; NaN where a class has no row.
    """

    mean: Tensor
    of_class: Tensor

    @classmethod
    def of(cls, rows: FeatureMatrix, labels: npt.NDArray[np.int64], classes: int) -> Centroids:
        """Compute the centroids of classes.

        Args:
            rows: ``[N, D]``.
            labels: ``[N]`` class of each row, 0-based.
            classes: C.
        """
        total = torch.zeros(rows.width, dtype=torch.float64)
        for _, values in rows.blocks(_BLOCK):
            total += values.sum(0, dtype=torch.float64)
        mean = (total / len(rows)).float()
        sums = torch.zeros(classes, rows.width, dtype=torch.float64)
        for cut, values in rows.blocks(_BLOCK):
            sums.index_add_(0, torch.from_numpy(labels[cut]), normalize(values - mean).double())
        counts = torch.from_numpy(np.bincount(labels, minlength=classes))
        return cls(mean, (sums / counts[:, None]).float())

    def nearest(self, rows: FeatureMatrix) -> npt.NDArray[np.int64]:
        """Return ``[N]``, the class of the centroid nearest to each row; of equal ones the first.

        Args:
            rows: ``[N, D]``.
        """
        known = ~self.of_class.isnan().any(1)
        # |x - c|^2 less |x|^2, which all classes share.
        half = self.of_class.square().sum(1) / 2
        found = []
        for _, values in rows.blocks(_BLOCK):
            closeness = normalize(values - self.mean) @ self.of_class.nan_to_num().T - half
            found.append(closeness.masked_fill(~known, -torch.inf).argmax(1))
        return torch.cat(found).numpy()
