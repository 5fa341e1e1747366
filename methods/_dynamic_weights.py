"""Dynamic weight average (DWA), by which PCL weighs L_face and L_pose."""

from __future__ import annotations

import torch
from torch import Tensor


def dynamic_weights(losses: Tensor, temperature: float) -> Tensor:
    """Return DWA's weights (Liu et al., CVPR 2019, Eq. 7), which sum to the number of tasks.

    Args:
        losses: ``[2, K]`` mean loss of each task in the last but one and in the last epoch.
        temperature: T; larger values give more equal weights.

    Returns:
        ``[K]`` weights, larger for tasks whose loss decreased less.
    """
    return len(losses[0]) * torch.softmax(losses[1] / losses[0] / temperature, dim=0)
