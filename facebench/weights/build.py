"""Builds a method on its backbone, with first weights from a seed and nothing else."""

from __future__ import annotations

from typing import Any

import torch

from facebench.backbones import NoBackbone
from facebench.method import Method
from facebench.registry import Registry


def build_method(
    cls: type[Method], options: Any, backbone: str, image_size: int, *, seed: int,
    registry: Registry,
) -> Method:  # fmt: skip
    """Return a new method; the global random state stays as it is.

    Args:
        cls: Its class.
        options: An instance of the class's ``Options``.
        backbone: As ``--backbone`` names it; passed over by a method that needs none.
        image_size: Side in pixels of the images that it learns from.
        seed: Of the first weights.
        registry: Where the backbone is found.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shared = registry.backbone(backbone) if cls.info.backbone else NoBackbone()
        return cls(shared, options, image_size)
