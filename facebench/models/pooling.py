"""Pooling of feature maps over positions."""

from __future__ import annotations

from torch import Tensor

GEM_POWER = 3.0  # Radenović et al., "Fine-tuning CNN image retrieval", TPAMI 2019: before learning
_SMALLEST = 1e-6  # of a response, as in the released code


def generalised_mean(positions: Tensor) -> Tensor:
    """Return the generalised mean (GeM) over positions, of responses above 0.

    Args:
        positions: ``[B, C, n]``.

    Returns:
        ``[B, C]``, ``mean(x ** 3) ** (1 / 3)``, in float32.
    """
    powers = positions.float().clamp(min=_SMALLEST).pow(GEM_POWER)
    return powers.mean(dim=2).pow(1 / GEM_POWER)
