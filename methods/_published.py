"""Published weights of timm and torchvision: what they want, where they lie, how they are built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from torch import nn

from facebench.errors import SpecError, UnknownNameError

# torchvision builds these otherwise with weights than without; timm has both.
_BUILT_OTHERWISE = frozenset({"googlenet", "inception_v3"})


@dataclass(frozen=True, kw_only=True)
class Published:
    """Published weights and the model that they belong to.

    Args:
        mean: Of the input's channels, as the weights want it.
        std: Likewise.
        least: Smallest side of an image in pixels.
        fixed: Whether that is the only side.
        url: Where the weights are published.
        file: Where they are looked for before they are downloaded.
        build: Returns the model without its classifier; the argument: with its weights.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    least: int
    fixed: bool
    url: str
    file: Path
    build: Callable[[bool], nn.Module]

    def side(self, side: int) -> int:
        """Return the side at which the model sees an image of ``side`` pixels."""
        return self.least if self.fixed else max(side, self.least)


def published(text: str) -> Published:
    """Return what ``timm:NAME.TAG`` or ``torchvision:NAME.WEIGHTS`` names; loads nothing.

    Raises:
        SpecError: It has another form, or the library has no such weights.
    """
    library, _, name = text.partition(":")
    if library == "timm" and name:
        return _timm(name)
    if library == "torchvision" and name:
        return _torchvision(name)
    raise SpecError(
        f"model is '{text}'; expected timm:NAME or torchvision:NAME, for example "
        "timm:resnet18.a1_in1k."
    )


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _timm(name: str) -> Published:
    if not timm.is_model_pretrained(name):
        stem = name.partition(".")[0].partition("_")[0]
        near = timm.list_pretrained(f"*{stem}*")[:12] or timm.list_pretrained("resnet18*")
        raise UnknownNameError("timm model with published weights", name, near)
    config: Any = timm.get_pretrained_cfg(name)
    url, file = config.url, _cache() / str(config.url).rpartition("/")[2]
    overlay: dict[str, Any] = {}
    if config.hf_hub_id:
        stored = config.hf_hub_filename or "model.safetensors"
        url = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/{stored}"
        file = _cache() / f"{config.architecture}.{config.tag}{Path(stored).suffix}"
        if file.exists():  # custom_load reads the format of the url, which this file has not
            overlay = {"file": str(file), "custom_load": False}

    def build(weights: bool) -> nn.Module:
        model: nn.Module = timm.create_model(
            name, pretrained=weights, pretrained_cfg_overlay=overlay, num_classes=0
        )
        return model

    least = config.input_size if config.fixed_input_size else config.min_input_size or (3, 1, 1)
    return Published(
        mean=config.mean, std=config.std, least=least[-1], fixed=config.fixed_input_size,
        url=url, file=file, build=build,
    )  # fmt: skip


def _torchvision(name: str) -> Published:
    name, _, tag = name.partition(".")
    known = set(torchvision.models.list_models(module=torchvision.models)) - _BUILT_OTHERWISE
    if name not in known:
        raise UnknownNameError("torchvision model", name, known)
    offered: Any = torchvision.models.get_model_weights(name)
    if tag and tag not in offered.__members__:
        raise UnknownNameError(f"weights of torchvision's {name}", tag, offered.__members__)
    weights = offered[tag or "DEFAULT"]
    transforms, least = weights.transforms(), weights.meta["min_size"][0]
    # Weights of a larger size change a transformer; say so where there are no weights, too.
    sized = {"image_size": least} if name.startswith("vit_") else {}

    def build(with_weights: bool) -> nn.Module:
        chosen = weights if with_weights else None
        return _headless(torchvision.models.get_model(name, weights=chosen, **sized), name)

    return Published(
        mean=tuple(transforms.mean), std=tuple(transforms.std), least=least,
        fixed=[least] == list(transforms.crop_size), url=weights.url,
        file=_cache() / weights.url.rpartition("/")[2], build=build,
    )  # fmt: skip


def _headless(model: nn.Module, name: str) -> nn.Module:
    """Return a torchvision classifier without its last linear layer."""
    linear = [path for path, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise SpecError(
            f"torchvision:{name} ends in no linear classifier, so it has no feature to judge. "
            "Choose another model."
        )
    model.set_submodule(linear[-1], nn.Identity())
    return model
