"""Tries a backbone as runs use it: sizes, features, learning, and weights from a file."""

from __future__ import annotations

import copy
import dataclasses
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from facebench.backbones import Backbone
from facebench.config.options import Override, apply, layer
from facebench.config.spec import PretrainSpec
from facebench.errors import FacebenchError, PluginError
from facebench.method import Method
from facebench.registry import Registry
from facebench.request.layers import declared_layers
from facebench.results.saved_method import saved_method
from facebench.testing.learning_check import learn_briefly
from facebench.testing.variants import BATCH, Variant
from facebench.weights.import_ import import_target, import_weights

LEARNED_AT, JUDGED_AT = 32, 100  # pixels that the preset quick and most tasks ask for
STEPS = 2  # of each method
# Methods that learn, with options that the preset quick does not have. A layer of the released head
# of PCL has the square of the length of F_s, which is 1.9 GB for a map of 448 x 7 x 7.
LEARNERS: dict[str, dict[str, Any]] = {
    "simclr": {},
    "pcl": {"projection_head": "simclr", "pdd_images": 2, "pose_images": 2},
}


@dataclass(frozen=True)
class Trial:
    """What a backbone does.

    Args:
        backbone: As ``--backbone`` names it.
        parameters: Number of its parameters.
        learned_at: Side in pixels of the images that it learns from, where 32 are asked for.
        judged_at: Side in pixels of the images that it is evaluated on, where 100 are asked for.
        one_size: Whether its weights depend on the size, so that both have one.
        map: Its feature map at ``judged_at``, ``(C, h, w)``.
        learned: Share of its parameters that change in two steps, by method.
        imported: Whether weights that are saved and imported give the same features.
        seconds: Time that processors needed for the trial.
        refused: Why it is not used; empty if it is.
    """

    backbone: str
    parameters: int = 0
    learned_at: int = 0
    judged_at: int = 0
    one_size: bool = False
    map: tuple[int, ...] = ()
    learned: dict[str, float] = dataclasses.field(default_factory=dict)
    imported: bool = False
    seconds: float = 0.0
    refused: str = ""


def try_backbone(
    backbone: str, registry: Registry, learners: Sequence[str] = tuple(LEARNERS)
) -> Trial:
    """Try a backbone; its weights come from a seed of their own.

    Args:
        backbone: As ``--backbone`` names it.
        registry: Registry of methods and backbones.
        learners: Some of :data:`LEARNERS`.
    """
    started, trial = time.process_time(), Trial(backbone)
    try:
        trial = _sizes(backbone, registry)
        built = new_backbone(backbone, registry)
        trial = dataclasses.replace(
            trial,
            map=_map(copy.deepcopy(built), trial.judged_at),
            learned={name: _learned(name, built, trial, registry) for name in learners},
            imported=_imported(built, trial, registry),
        )
    except FacebenchError as error:
        trial = dataclasses.replace(trial, refused=str(error))
    return dataclasses.replace(trial, seconds=round(time.process_time() - started, 1))


def new_backbone(name: str, registry: Registry) -> Backbone:
    """Build a backbone with weights from seed 0; the global random state does not change."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built: Backbone = registry.backbone(name)
        return built


def _sizes(name: str, registry: Registry) -> Trial:
    with torch.device("meta"):  # no memory, however large it is
        backbone = new_backbone(name, registry)
    return Trial(
        name,
        parameters=sum(p.numel() for p in backbone.parameters()),
        learned_at=backbone.nearest_size(LEARNED_AT),
        judged_at=backbone.nearest_size(JUDGED_AT),
        one_size=backbone.made_for is not None,
    )


def _map(backbone: Backbone, side: int) -> tuple[int, ...]:
    """Return the form of the feature map ``(C, h, w)`` of two images.

    Raises:
        PluginError: It is not of the declared channels, not finite, or the same for both images.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone.build_for(side)
    with torch.inference_mode():
        first, second = backbone.eval()(_images(2, side))
    form = tuple(first.shape)
    if len(form) != 3 or form[0] != backbone.channels:
        raise PluginError(f"gives a map {form}; expected {backbone.channels} channels.")
    if not (first.isfinite().all() and second.isfinite().all()):
        raise PluginError(f"gives features that are not finite at {side} px.")
    if torch.equal(first, second):
        raise PluginError(f"gives equal features for different images of {side} px.")
    return form


def _learned(name: str, built: Backbone, trial: Trial, registry: Registry) -> float:
    """Return the share of the backbone's parameters that two steps of a method change."""
    cls: type[Method] = registry.load("method", name)
    overrides = declared_layers(cls, "quick", Override("paper", "the trial"))
    options = apply(cls.Options(), name, overrides | layer(LEARNERS[name], "", group=name))
    spec = PretrainSpec(
        epochs=STEPS, batch_size=BATCH, image_size=trial.learned_at, lr=1e-3
    )  # an iteration an epoch
    backbone = copy.deepcopy(built)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone.build_for(trial.learned_at)
    before = [p.detach().clone() for p in backbone.parameters()]
    learn_briefly(cls, backbone, Variant(trial.backbone, options, spec), "32")
    after = list(backbone.parameters())
    changed = sum(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    return round(changed / len(before), 2)


def _imported(built: Backbone, trial: Trial, registry: Registry) -> bool:
    """Return whether a file of the backbone's own tensors gives its features again."""
    side = built.made_for or trial.judged_at
    owner = getattr(built, "model", built)  # a file has the names of timm
    method, target = import_target(trial.backbone, registry)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        save_file({k: v.clone().contiguous() for k, v in owner.state_dict().items()}, file)
        checkpoint = import_weights(file, method, target, registry, cache=Path(folder))
        again = saved_method(checkpoint, registry)
    with torch.inference_mode():
        ours = built.eval()(_images(1, side)).flatten(1)
        return torch.equal(ours, again.encode(_images(1, side)))


def _images(count: int, side: int) -> Tensor:
    """Return random images in [0, 1], ``[count, 3, side, side]``, always the same."""
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))
