"""Trains every variant that a method declares for a few steps, with the engine of a run.

This finds recipes that fail in the second optimiser step, and failing option values that no test
uses: each recipe, each preset, and each value of a literal or boolean option is trained for three
iterations, in float32 and in bf16.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facebench.backbones import Backbone, NoBackbone
from facebench.data.packed import Faces
from facebench.errors import LearningError, PluginError
from facebench.method import Method
from facebench.runtime.device import Precision
from facebench.runtime.workspace import Workspace
from facebench.targets import TargetKind
from facebench.testing.random_labels import random_targets
from facebench.testing.variants import IMAGE_SIZE, Variant
from facebench.weights.build import make_heads


class RandomFaces:
    """Packed random images, with a video for each person.

    Args:
        count: Number of images, a multiple of ``frames``.
        frames: Frames of a video.
        side: Side of the images in pixels.
    """

    def __init__(self, count: int, frames: int = 2, side: int = IMAGE_SIZE) -> None:
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
        self.identity: NDArray[np.int64] = np.arange(count, dtype=np.int64) // frames
        self.video = self.identity
        self.places: NDArray[np.int64] = np.arange(count, dtype=np.int64) % frames

    def __len__(self) -> int:
        return len(self.images)

    def tracks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return ``[N]`` track and ``[N]`` place of each image."""
        return self.video, self.places

    def batch(self, indices: Sequence[int] | NDArray[np.int64] | Tensor) -> Tensor:
        """Return uint8 ``[B, 3, S, S]`` of ``[B]`` positions."""
        return torch.from_numpy(self.images[np.asarray(indices)]).permute(0, 3, 1, 2)


def learn_briefly(
    cls: type[Method],
    backbone: Backbone | NoBackbone,
    variant: Variant,
    precision: Precision,
    kind: TargetKind | None = None,
) -> None:
    """Train a variant for one iteration in each of its epochs, with the engine of every run.

    Args:
        cls: Class of the method.
        backbone: A small backbone.
        variant: The configuration.
        precision: ``32`` or ``bf16``.
        kind: Kind of the labels, for a method that learns from labels.

    Raises:
        PluginError: Training fails, or a loss term or a weight is not finite afterwards.
    """
    from facebench.pretrain.engine import train

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        method = cls(backbone, variant.options, variant.pretrain.image_size)
    method.load_published()
    frames = max(2, cls.info.frames)
    started = 2 if cls.info.needs == "frames" else frames  # images of a video that start an item
    if variant.pretrain.sampling == "identities":
        started = 1
    count = frames * variant.pretrain.batch_size * method.batches_per_step // started
    faces: Faces = RandomFaces(count, frames, variant.pretrain.image_size)
    targets = None if kind is None else random_targets(kind, len(faces))
    if targets is not None:
        make_heads(method, targets.form, seed=0)
    where = f"{cls.__module__}.{cls.__qualname__} ({variant.name}, precision {precision})"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        workspace = Workspace(cache=place, results=place, data=None, device=torch.device("cpu"))
        try:
            learned = train(
                method, faces, variant.pretrain,
                seed=0, workspace=workspace, precision=precision, folder=place,
                targets=targets,
            )  # fmt: skip
        except LearningError as error:  # a term or a gradient that is not finite
            raise PluginError(f"{where}: {error}") from error
        except RuntimeError as error:  # errors of torch for a wrong graph or shape
            raise PluginError(f"{where}: learning fails: {error}") from error
    last = learned["history"][-1]
    broken = [name for name, value in last.items() if not np.isfinite(value)]
    broken += [n for n, p in method.named_parameters() if not bool(p.isfinite().all())]
    if broken:
        raise PluginError(
            f"{where}: after {variant.pretrain.epochs} iterations {', '.join(broken)} is not "
            "finite; expected finite losses and weights."
        )
