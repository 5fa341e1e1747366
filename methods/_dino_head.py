"""DINO's head, which is lightly's, on the mean of a feature map."""

from __future__ import annotations

import warnings
from typing import Any

from torch import Tensor, nn


def new_head(channels: int, outputs: int, norm: bool) -> Any:
    """Return a head of ``channels`` inputs; ``norm``: with BatchNorm in its hidden layers."""
    from lightly.models.modules.heads import DINOProjectionHead

    with warnings.catch_warnings():  # lightly calls what torch will remove
        warnings.filterwarnings("ignore", ".*weight_norm.*deprecated", FutureWarning)
        return DINOProjectionHead(channels, output_dim=outputs, batch_norm=norm)


def outputs_of(backbone: nn.Module, head: nn.Module, images: Tensor) -> Tensor:
    """Return the head's outputs ``[B, K]`` on the mean of the feature map of each image."""
    outputs: Tensor = head(backbone(images).mean(dim=(2, 3)))
    return outputs.float()
