"""Whether the features of an image are its own: the same again, and in any batch.

A method that leaves BatchNorm in training mode, or draws in ``features``, gives an image other
features in another batch or in the next extraction; scores would depend on ``batch_size`` and could
not be computed again. One batch is therefore computed a second time, in another composition.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from facebench.errors import StageError
from facebench.runtime.device import Precision

# Relative difference (Euclidean norm) from which features count as others. Rounding that depends on
# the size of a batch is below 1e-5 in float32, 1e-3 with TF32 and 1e-2 in bf16.
_TOLERANCE: dict[Precision, float] = {"32": 5e-3, "bf16": 5e-2}


def check_repeatable(
    compute: Callable[[np.ndarray], Tensor], images: np.ndarray, features: Tensor, *,
    precision: Precision, where: str,
) -> None:  # fmt: skip
    """Compute a part of a batch again, in reverse and beside a black image, and compare.

    Args:
        compute: Function from images to features ``[B, D]``.
        images: Images of the batch, uint8 ``[B, S, S, 3]``.
        features: Their features ``[B, D]``.
        precision: Precision that they were computed in.
        where: Method and feature, for the message.

    Raises:
        StageError: They are others than before.
    """
    part = np.arange((len(images) + 1) // 2)[::-1].copy()
    black = np.zeros((1, *images.shape[1:]), np.uint8)
    again = compute(np.concatenate([images[part], black]))[:-1].double()
    before = features[torch.from_numpy(part)].double()
    size = max(float(before.norm()), float(again.norm()))
    difference = float((again - before).norm()) / size if size else 0.0
    if difference > _TOLERANCE[precision]:
        raise StageError(
            f"{where}: found features that differ by {difference:.1%} when the same images are "
            "extracted again in another batch; expected the same ones. Is a BatchNorm left in "
            "training mode, or does features() draw random numbers (dropout, augmentation), or "
            "change a tensor in place that another feature is made of?"
        )
