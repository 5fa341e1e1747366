"""Tries a backbone as runs use it: sizes, features, learning, and weights from a file."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from facebench.backbones import Backbone
from facebench.config.options import Override, apply
from facebench.config.spec import PretrainSpec
from facebench.errors import FacebenchError, PluginError
from facebench.method import Method
from facebench.registry import Registry
from facebench.request.layers import declared_layers
from facebench.results.saved_method import saved_method
from facebench.testing.learning_check import BATCH, Variant, learn_briefly
from facebench.weights.import_ import import_target, import_weights

LEARNED_AT, JUDGED_AT = 32, 100  # pixels that the preset quick and most tasks ask for
STEPS = 2  # of each method
LONGEST = 16_384  # numbers of F_s; a layer of PCL's heads has their square
LEARNERS = ("simclr", "pcl")


@dataclass(frozen=True)
class Trial:
    """What a backbone does.

    Args:
        backbone: As ``--backbone`` names it.
        parameters: Number of its parameters.
        learned_at: Side in pixels of the images that it learns from, where 32 are asked for.
        judged_at: Side in pixels of the images that it is judged on, where 100 are asked for.
        one_size: Whether its weights depend on the size, so that both have one.
        map: Its feature map at ``judged_at``, ``(C, h, w)``.
        learned: Share of its parameters that change in two steps, by method.
        imported: Whether weights that are saved and imported give the same features.
        seconds: Time of the trial.
        refused: Why it is not used, or not tried; empty if it is.
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


def try_backbone(backbone: str, registry: Registry, *, largest: int = 0) -> Trial:
    """Try a backbone; its weights come from a seed of their own.

    Args:
        backbone: As ``--backbone`` names it.
        registry: Registry of methods and backbones.
        largest: Number of parameters from which on only the sizes are found out; 0: no limit.
    """
    started, trial = time.perf_counter(), Trial(backbone)
    try:
        trial = _sizes(backbone, registry)
        if largest and trial.parameters > largest:
            why = f"not tried: {trial.parameters / 1e6:.0f} million parameters"
            return dataclasses.replace(trial, refused=why)
        if (length := _length(trial, registry)) > LONGEST:
            why = f"not tried: F_s has {length} numbers at {trial.learned_at} px"
            return dataclasses.replace(trial, refused=why)
        trial = dataclasses.replace(
            trial,
            map=_map(new_backbone(backbone, registry), trial.judged_at),
            learned={name: _learned(name, trial, registry) for name in LEARNERS},
            imported=_imported(trial, registry),
        )
    except FacebenchError as error:
        trial = dataclasses.replace(trial, refused=str(error))
    return dataclasses.replace(trial, seconds=round(time.perf_counter() - started, 1))


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


def _length(trial: Trial, registry: Registry) -> int:
    """Return the number of values of F_s of an image to learn from."""
    backbone = new_backbone(trial.backbone, registry)
    with torch.random.fork_rng(devices=[]):
        backbone.build_for(trial.learned_at)
    return backbone.feature_dim(trial.learned_at)


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


def _learned(name: str, trial: Trial, registry: Registry) -> float:
    """Return the share of the backbone's parameters that two steps of a method change."""
    cls: type[Method] = registry.load("method", name)
    overrides = declared_layers(cls, "quick", Override("paper", "the trial"))
    spec = PretrainSpec(
        epochs=STEPS, batch_size=BATCH, image_size=trial.learned_at, lr=1e-3
    )  # an iteration an epoch
    backbone = new_backbone(trial.backbone, registry)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone.build_for(trial.learned_at)
    before = [p.detach().clone() for p in backbone.parameters()]
    variant = Variant(trial.backbone, apply(cls.Options(), name, overrides), spec)
    learn_briefly(cls, backbone, variant, "32")
    after = list(backbone.parameters())
    changed = sum(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    return round(changed / len(before), 2)


def _imported(trial: Trial, registry: Registry) -> bool:
    """Return whether a file of the backbone's own tensors gives its features again."""
    backbone = new_backbone(trial.backbone, registry)
    side = backbone.made_for or trial.judged_at
    owner = getattr(backbone, "model", backbone)  # a file has the names of timm
    method, target = import_target(trial.backbone, registry)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        save_file({k: v.clone().contiguous() for k, v in owner.state_dict().items()}, file)
        checkpoint = import_weights(file, method, target, registry, cache=Path(folder))
        again = saved_method(checkpoint, registry)
    with torch.inference_mode():
        ours = backbone.eval()(_images(1, side)).flatten(1)
        return torch.equal(ours, again.encode(_images(1, side)))


def _images(count: int, side: int) -> Tensor:
    """Return random images in [0, 1], ``[count, 3, side, side]``, always the same."""
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))
