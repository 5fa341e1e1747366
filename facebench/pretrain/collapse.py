"""Detects the collapse of a representation during pretraining."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.method import Method
from facebench.pretrain.devices import gathered


@torch.no_grad()
def feature_std(method: Method, images: Tensor, count: int | None = None) -> float:
    """Return the spread of the features of different images.

    The standard deviation over the images of every dimension of the L2-normalised F_s, averaged
    over dimensions, times the root of their number (Chen and He, "Exploring simple Siamese
    representation learning", CVPR 2021, section 4.1, Fig. 2): 0 when all images have one feature,
    1 for features that are spread over the whole sphere.

    Args:
        method: The method; ``encode`` is called in evaluation mode, so that batch statistics do not
            change.
        images: ``[B, 3, S, S]`` in [0, 1], or this device's share of them.
        count: Images of all devices that learn together; by default each has as many.
    """
    modes = {module: module.training for module in method.modules()}
    method.eval()
    features = F.normalize(gathered(method.encode(images).float(), count), dim=1)  # [B, D]
    for module, training in modes.items():
        module.training = training
    return float(features.std(dim=0, correction=0).mean() * features.shape[1] ** 0.5)
