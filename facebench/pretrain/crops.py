"""Where plugins found :mod:`facebench.pretrain.augment.crops` before; new ones look there."""

from facebench.pretrain.augment.crops import (
    QuadrantCrops,
    RandomResizedCrop,
)

__all__ = [
    "QuadrantCrops",
    "RandomResizedCrop",
]
