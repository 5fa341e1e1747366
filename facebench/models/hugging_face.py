"""``hf:ORG/NAME``: a vision model of Hugging Face, by transformers (``facebench[hf]``).

The main feature is the CLS token of the last layer (DINOv2, ViT, MAE), the image embedding (CLIP),
or the pooled map (ResNet). Code of a repository is not run, and weights are read from safetensors.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from torch import Tensor, nn

from facebench.errors import ModelError
from facebench.models.features import LAST, LAYERS, MAIN, OF_TOKENS, of_tokens
from facebench.models.named import NamedModel, first_line, library
from facebench.runtime.listing import user_path

_SECONDS = 5.0  # that the hub may take to accept a connection
_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers


def open_named(kind: str, rest: str) -> NamedModel:
    """Return the model ``hf:ORG/NAME``, or that of a folder in the same form.

    Raises:
        ModelError: transformers is not installed, or there is neither a network nor a copy.
    """
    transformers, folder = library("transformers", "hf"), user_path(rest)
    options = {}
    if not (folder.is_dir() or _hub_answers()):
        _check_copy(rest)
        options = {"local_files_only": True}
    shown = f"hf:{folder.name if folder.is_dir() else rest}"  # a result has no place on a machine
    processor = _opened(transformers.AutoImageProcessor.from_pretrained, rest, **options)

    def load() -> nn.Module:
        return OfTransformers(
            _opened(transformers.AutoModel.from_pretrained, rest, use_safetensors=True, **options)
        )

    return NamedModel(shown, load, preprocess_of(processor.to_dict()))


def preprocess_of(processor: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an image processor's configuration says, by fields of ``Preprocess``.

    The side is that of its crop, or else of its resized images; what it cuts off at the border is
    left to the task's own crop.
    """
    sizes = (processor.get(key) or {} for key in ("crop_size", "size"))
    sides = [size.get("height") or size.get("shortest_edge") for size in sizes]
    found: dict[str, Any] = {
        "filter": _FILTERS.get(processor.get("resample", 2), "bilinear"),
        "image_size": next((int(side) for side in sides if side), 0),
    }
    found["antialias"] = found["filter"] != "nearest"
    if processor.get("do_rescale", True):
        white = 255 * float(processor.get("rescale_factor", 1 / 255))
        found["values"] = (0.0, round(white, 6))
    else:
        found["values"] = (0.0, 255.0)
    if processor.get("do_normalize", True):
        found |= {key: tuple(processor[f"image_{key}"]) for key in ("mean", "std")}
    return found


class OfTransformers(nn.Module):
    """Returns one vector for each image.

    Args:
        model: A vision model of transformers.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @property
    def offered(self) -> tuple[str, ...]:
        """Return the features besides the main one: those of tokens, if there is a class token.

        They need the last norm of the model, which class tokens of earlier blocks pass, too.
        """
        model: Any = self.model
        tokens = hasattr(getattr(model, "embeddings", None), "cls_token")
        return OF_TOKENS if tokens and hasattr(model, "layernorm") else ()

    @property
    def layers(self) -> int:
        """Return the number of blocks."""
        model: Any = self.model
        return int(model.config.num_hidden_layers)

    def several(self, names: Sequence[str], images: Tensor) -> dict[str, Any]:
        """Return the main feature ``f_s`` and those of tokens, ``[B, D]`` each, by one pass."""
        model: Any = self.model
        given = model(pixel_values=images, output_hidden_states=True)
        prefix = 1 + int(getattr(model.config, "num_register_tokens", 0) or 0)
        blocks = self.layers if LAYERS in names else LAST
        normalised = [model.layernorm(hidden) for hidden in given.hidden_states[1:][-blocks:]]
        classes = [tokens[:, 0] for tokens in normalised]
        means = [tokens[:, prefix:].mean(dim=1) for tokens in normalised]
        own = [name for name in names if name != MAIN]
        found = of_tokens(own, given.last_hidden_state, prefix, classes, means)
        return {**found, MAIN: given.last_hidden_state[:, 0]} if MAIN in names else found

    def forward(self, images: Tensor) -> Any:
        """Return the feature ``[B, D]``; the module's docstring says which one."""
        model: Any = self.model
        if hasattr(model, "get_image_features"):
            given = model.get_image_features(pixel_values=images)
            return given if isinstance(given, Tensor) else given.pooler_output
        given = model(pixel_values=images)
        if given.last_hidden_state.ndim == 3:
            return given.last_hidden_state[:, 0]
        return given.pooler_output.flatten(1)


def _hub_answers() -> bool:
    """Return whether the hub, or the proxy on the way to it, takes a connection.

    transformers asks for several files, each several times, before it gives up: 96 s without a
    network. A copy in the cache is read at once where it is told that there is none.
    """
    from huggingface_hub import constants

    hub = urlsplit(constants.ENDPOINT)
    proxy = "" if proxy_bypass(hub.hostname or "") else getproxies().get(hub.scheme, "")
    first = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else hub
    place = first.hostname, first.port or (80 if first.scheme == "http" else 443)
    answered = Event()

    def connect() -> None:
        with suppress(OSError), socket.create_connection(place, timeout=_SECONDS):
            answered.set()

    # Asking for the address of a name has no timeout.
    thread = Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return answered.is_set()


def _check_copy(name: str) -> None:
    """Check that the cache has a copy of a model, where the hub does not answer.

    Raises:
        ModelError: It has none.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return
    except ValueError as error:  # what is no name of a model
        raise ModelError(f"hf:{name}: {first_line(error)} Expected hf:ORG/NAME.") from error
    raise ModelError(
        f"hf:{name}: {constants.ENDPOINT} took no connection within {_SECONDS:g} s, and there is "
        "no copy. Expected a network, a copy in the cache of Hugging Face (HF_HOME), or a folder "
        "with its files."
    )


def _opened(load: Any, name: str, **options: Any) -> Any:
    try:
        return load(name, **options)
    except Exception as error:  # of the network, the hub and the model's configuration
        raise ModelError(
            f"hf:{name}: transformers cannot load it: {first_line(error)} Expected a network, a "
            "copy in the cache of Hugging Face (HF_HOME), or a folder with its files."
        ) from error
