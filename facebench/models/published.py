"""Published weights of timm and torchvision: input, location and construction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import nn

from facebench.errors import SpecError, StageError, UnknownNameError
from facebench.models.named import NamedModel
from facebench.models.preprocess import Preprocess
from facebench.runtime.images import Filter

# torchvision builds these differently with and without weights; timm has both variants.
_BUILT_OTHERWISE = frozenset({"googlenet", "inception_v3"})


@dataclass(frozen=True, kw_only=True)
class Published:
    """Published weights and the model that they belong to.

    Args:
        name: Library and name, as given.
        mean: Mean of the input's channels, for the normalisation that the weights need.
        std: Standard deviation of the input's channels, likewise.
        least: Smallest side of an image in pixels.
        fixed: Whether that is the only side.
        trained: Side of the images that the library evaluates the weights at.
        filter: Filter with which the library scales images for them, antialiased.
        url: Address of the weights.
        file: Path of the weights in the cache, searched before they are downloaded.
        build: Returns the model without its classifier; the argument: whether to load the weights.
    """

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    least: int
    fixed: bool
    trained: int
    filter: str
    url: str
    file: Path
    build: Callable[[bool], nn.Module]

    def side(self, side: int) -> int:
        """Return the side to which an image of ``side`` pixels is scaled for the model."""
        return self.least if self.fixed else max(side, self.least)

    def load(self) -> nn.Module:
        """Return the model with its weights, from a cache or downloaded.

        Raises:
            StageError: There is neither a file nor a network, or the file has other weights.
        """
        try:
            return self.build(True)
        except Exception as error:  # the libraries and their downloaders raise many types of errors
            reason = (str(error).strip().splitlines() or [""])[0]
            raise StageError(
                f"the published weights of {self.name} cannot be loaded: "
                f"{type(error).__name__}: {reason} Expected a network or the file. "
                f"Download {self.url} and place it as {self.file}."
            ) from error


def published(text: str) -> Published:
    """Return the weights named ``timm:NAME.TAG`` or ``torchvision:NAME.WEIGHTS``, without loading.

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


def open_named(kind: str, rest: str) -> NamedModel:
    """Return the model ``timm:NAME.TAG`` or ``torchvision:NAME.WEIGHTS`` without its classifier.

    Raises:
        SpecError: The library has no such weights.
    """
    found = published(f"{kind}:{rest}")
    known = found.filter in get_args(Filter)
    preprocess = {
        "image_size": found.trained, "mean": found.mean, "std": found.std,
        "filter": found.filter if known else Preprocess.filter,
        "antialias": found.filter != "nearest",
    }  # fmt: skip
    return NamedModel(found.name, found.load, preprocess)


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _timm(name: str) -> Published:
    import timm

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
        if file.exists():  # custom_load expects the format of the url, not of this file
            overlay = {"file": str(file), "custom_load": False}

    def build(weights: bool) -> nn.Module:
        model: nn.Module = timm.create_model(
            name, pretrained=weights, pretrained_cfg_overlay=overlay, num_classes=0
        )
        return model

    least = config.input_size if config.fixed_input_size else config.min_input_size or (3, 1, 1)
    return Published(
        name=f"timm:{name}", mean=config.mean, std=config.std, least=least[-1],
        fixed=config.fixed_input_size, trained=config.input_size[-1], filter=config.interpolation,
        url=url, file=file, build=build,
    )  # fmt: skip


def _torchvision(name: str) -> Published:
    import torchvision

    whole, (name, _, tag) = name, name.partition(".")
    known = set(torchvision.models.list_models(module=torchvision.models)) - _BUILT_OTHERWISE
    if name not in known:
        raise UnknownNameError("torchvision model", name, known)
    offered: Any = torchvision.models.get_model_weights(name)
    if tag and tag not in offered.__members__:
        raise UnknownNameError(f"weights of torchvision's {name}", tag, offered.__members__)
    weights = offered[tag or "DEFAULT"]
    transforms, least = weights.transforms(), weights.meta["min_size"][0]
    # Weights of a larger size change a transformer; fail also without weights.
    sized = {"image_size": least} if name.startswith("vit_") else {}

    def build(with_weights: bool) -> nn.Module:
        chosen = weights if with_weights else None
        return _headless(torchvision.models.get_model(name, weights=chosen, **sized), name)

    return Published(
        name=f"torchvision:{whole}", mean=tuple(transforms.mean), std=tuple(transforms.std),
        least=least, fixed=[least] == list(transforms.crop_size), trained=transforms.crop_size[0],
        filter=transforms.interpolation.value, url=weights.url,
        file=_cache() / weights.url.rpartition("/")[2], build=build,
    )  # fmt: skip


def _headless(model: nn.Module, name: str) -> nn.Module:
    """Return a torchvision classifier without its last linear layer."""
    linear = [path for path, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise SpecError(
            f"torchvision:{name} ends in no linear classifier, so it has no feature to evaluate. "
            "Choose another model."
        )
    model.set_submodule(linear[-1], nn.Identity())
    return model
