"""Builds a method on its backbone, with initial weights that depend on the seed alone."""

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
    """Return a new method; the global random state does not change.

    Args:
        cls: Class of the method.
        options: An instance of the class's ``Options``.
        backbone: Name of the backbone, as for ``--backbone``; ignored by a method without one.
        image_size: Side in pixels of the images that the method learns from.
        seed: Seed of the initial weights.
        registry: Registry of the backbones.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shared = registry.backbone(backbone) if cls.info.backbone else NoBackbone()
        return cls(shared, options, image_size)
