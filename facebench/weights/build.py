"""Builds a method on its backbone, with initial weights that depend on the seed alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from facebench.backbones import NoBackbone
from facebench.method import Method
from facebench.targets import TargetForm


def build_method(
    cls: type[Method], options: Any, new_backbone: Callable[[], Any], image_size: int, *, seed: int
) -> Method:
    """Return a new method; the global random state does not change.

    Args:
        cls: Class of the method.
        options: An instance of the class's ``Options``.
        new_backbone: Builds the backbone; not called for a method that needs none.
        image_size: Side in pixels of the images that the method learns from.
        seed: Seed of the initial weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shared = new_backbone() if cls.info.backbone else NoBackbone()
        return cls(shared, options, image_size)


def backbone_parameters(method: Method) -> int:
    """Return how many parameters the shared backbone has; a method without one counts its own."""
    counted = method.backbone if method.info.backbone else method
    return sum(parameter.numel() for parameter in counted.parameters())


def make_heads(method: Method, form: TargetForm, *, seed: int) -> None:
    """Let a method make what depends on the labels; the global random state does not change.

    Args:
        method: A new method.
        form: What is known of the labels.
        seed: Seed of the initial weights.

    Raises:
        FacebenchError: It cannot learn from such labels.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        method.expect(form)
