"""VICReg's loss, on lightly's; imported where it is needed, since lightly takes seconds."""

from __future__ import annotations

import torch
from lightly.loss import VICRegLoss
from lightly.loss.vicreg_loss import invariance_loss, variance_loss
from torch import Tensor


class Criterion(VICRegLoss):  # type: ignore[misc]
    """lightly's loss but for a mask, for which the host waits for the device in each step."""

    def forward(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        """Return the weighted sum of the three terms of ``[B, D]`` projections (Eq. 6)."""
        invariance = invariance_loss(x=z_a, y=z_b)
        deviation = 0.5 * (variance_loss(x=z_a, eps=self.eps) + variance_loss(x=z_b, eps=self.eps))
        covariance = covariance_loss(z_a) + covariance_loss(z_b)
        loss = self.lambda_param * invariance + self.mu_param * deviation
        whole: Tensor = loss + self.nu_param * covariance
        return whole


def covariance_loss(x: Tensor) -> Tensor:
    """Return the mean over dimensions of the squared covariances with the others (Eq. 3).

    Args:
        x: ``[B, D]``.
    """
    x = x - x.mean(dim=0)
    covariance = torch.einsum("bc,bd->cd", x, x) / (len(x) - 1)
    size = len(covariance)
    # In rows of D + 1 numbers, those of the diagonal stand below each other and are left out.
    others = covariance.flatten()[1:].view(size - 1, size + 1)[:, :-1]
    return others.reshape(-1).pow(2).sum(-1) / size
