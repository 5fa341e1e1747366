"""Trains every variant that a method declares for a few steps, with the engine of a run.

This finds recipes that fail in the second optimiser step, and failing option values that no test
uses: each recipe, each preset, and each value of a literal or boolean option is trained for three
iterations, in float32 and in bf16.

Processors without bf16 arithmetic emulate it about eight times slower than float32. Where time
matters more than every combination (``thorough=False``), bf16 is therefore learned with the small
networks that a method names, and on such processors with each recipe under the quick preset alone.
In float32 the quick preset then has networks of the sizes that it declares, others have small ones.
"""

from __future__ import annotations

import dataclasses
import tempfile
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facebench.backbones import Backbone, NoBackbone
from facebench.config.options import PRESETS, Override, apply, layer
from facebench.config.spec import PretrainSpec
from facebench.data.packed import Faces
from facebench.errors import LearningError, PluginError, SpecError
from facebench.method import Method
from facebench.request.layers import declared_layers
from facebench.runtime.device import Precision
from facebench.runtime.workspace import Workspace
from facebench.targets import TargetKind
from facebench.testing.random_labels import random_targets
from facebench.weights.build import make_heads

ITERATIONS = 3  # one per epoch: weights from the last two epochs (PCL) are in effect in the third
BATCH = 2
IMAGE_SIZE = 16  # pixels


@dataclass(frozen=True)
class Variant:
    """One configuration in which a method can be trained.

    Args:
        name: ``recipe official``, ``preset quick`` or ``orth=cosine``.
        options: Options of the method.
        pretrain: Optimiser and schedule, on few small images.
        preset: Name of the preset; empty where a single option varies.
    """

    name: str
    options: Any
    pretrain: PretrainSpec
    preset: str = ""


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


def planned(
    cls: type[Method], *, thorough: bool = True
) -> Iterator[tuple[Precision, list[Variant]]]:
    """Yield each precision with the variants of a method that are to be learned in it.

    Args:
        cls: Class of the method.
        thorough: Whether these are all variants, with networks of the sizes that they declare.
    """
    declared, small = list(variants(cls)), list(variants(cls, small=True))
    if thorough:
        yield "32", declared
        yield "bf16", declared
        return
    yield (
        "32",
        [
            large if large.preset == "quick" else reduced
            for large, reduced in zip(declared, small, strict=True)
        ],
    )
    yield "bf16", [v for v in small if v.preset == "quick" or _has_bf16()]


def _has_bf16() -> bool:
    """Return whether this processor computes in bf16 itself."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def variants(cls: type[Method], *, small: bool = False) -> Iterator[Variant]:
    """Yield every recipe under every preset, then every value of a literal option by itself.

    Published weights are replaced by the options ``info.offline`` of the method, and its networks
    by those of ``info.small`` where a literal option varies. A value that the options refuse
    together with the defaults of the others is skipped.

    Args:
        cls: Class of the method.
        small: Whether recipes have the networks of ``info.small``, too.
    """
    name, offline = cls.info.name, cls.info.offline
    shrunk = {**cls.info.small, **offline}
    of_recipes = shrunk if small else offline
    for preset in dict.fromkeys((*PRESETS, *cls.info.presets)):
        for recipe in dict.fromkeys(("paper", *cls.info.recipes)):
            overrides = declared_layers(cls, preset, Override(recipe, "the contract test"))
            options = apply(cls.Options(), name, overrides | layer(of_recipes, "", group=name))
            pretrain = _brief(apply(PretrainSpec(), "pretrain", overrides))
            yield Variant(f"recipe {recipe}, preset {preset}", options, pretrain, preset)
    for field, value in literal_values(cls.Options):
        if field in offline:
            continue
        try:
            options = dataclasses.replace(cls.Options(), **{**shrunk, field: value})
        except SpecError:
            continue
        yield Variant(f"{field}={value}", options, _brief(PretrainSpec()))


def literal_values(options: type[Any]) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each value that is not the default, of literals and of bools."""
    hints = typing.get_type_hints(options)
    for field in fields(options):
        hint = hints[field.name]
        choices: tuple[Any, ...] = ()
        if typing.get_origin(hint) is Literal:
            choices = typing.get_args(hint)
        elif hint is bool:
            choices = (False, True)
        default = getattr(options(), field.name)
        yield from ((field.name, choice) for choice in choices if choice != default)


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


def _brief(spec: PretrainSpec) -> PretrainSpec:
    """Return the optimiser and the schedule of a spec on a tiny budget."""
    return dataclasses.replace(
        spec, epochs=ITERATIONS, batch_size=BATCH, image_size=IMAGE_SIZE, limit=0, lr=1e-4
    )
