"""Dynamic weight average (DWA), by which PCL weighs L_face and L_pose."""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST = 1e-12


def dynamic_weights(losses: Tensor, temperature: float) -> Tensor:
    """Return DWA's weights (Liu et al., CVPR 2019, Eq. 7), which sum to the number of tasks.

    Args:
        losses: ``[2, K]`` mean loss of each task in the last but one and in the last epoch, 0 or
            more; few images can be told apart so well that a loss is exactly 0.
        temperature: T; larger values give more equal weights.

    Returns:
        ``[K]`` weights, larger for tasks whose loss decreased less.
    """
    before, last = losses.clamp(min=_SMALLEST)  # so that 0 / 0 is 1, and nothing overflows
    return len(before) * torch.softmax(last / before / temperature, dim=0)
