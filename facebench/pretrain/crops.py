"""Former name of :mod:`facebench.pretrain.augment.crops`, kept for existing plugins."""

from facebench.pretrain.augment.crops import (
    QuadrantCrops,
    RandomResizedCrop,
)

__all__ = [
    "QuadrantCrops",
    "RandomResizedCrop",
]
