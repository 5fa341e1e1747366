"""The frozen VGG-19 of FaceCycle, used by its generator and its perceptual loss.

It is not a submodule of the method, since it is neither optimised nor stored in checkpoints, and
the features of the learned representation do not need it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from facebench.errors import StageError

VGGWeights = Literal["imagenet", "random"]

_LAYERS = {"relu2_1": 6, "relu3_1": 11, "relu4_1": 20}  # positions in torchvision's `features`
_UNTIL_RELU4_1 = 12  # entries of torchvision's configuration E
_SEED = 19  # seed of the random weights, constant over runs

_log = logging.getLogger(__name__)


class FrozenVGG19:
    """VGG-19 up to relu4_1, without gradients for its weights.

    Args:
        weights: ``imagenet``, published by torchvision; or ``random``, a declared substitute: the
            same layers with fixed random weights that keep the second moment of a feature from
            layer to layer (He et al., ICCV 2015), so that every layer contributes.

    Raises:
        StageError: The published weights are not available.
    """

    def __init__(self, weights: VGGWeights) -> None:
        from torchvision.models.vgg import cfgs, make_layers

        with torch.device("meta"):  # without drawing from the global random state
            layers = make_layers(cfgs["E"][:_UNTIL_RELU4_1])
        self._layers: nn.Sequential = layers.to_empty(device="cpu").eval().requires_grad_(False)
        if weights == "imagenet":
            self._layers.load_state_dict(_published())
        else:
            _randomise(self._layers)
        self._layers.to(memory_format=torch.channels_last)

    def __call__(self, images: Tensor, until: str = "relu4_1") -> tuple[Tensor, ...]:
        """Return features at relu2_1, relu3_1 and relu4_1, up to the layer ``until``.

        Args:
            images: ``[B, 3, H, W]``, normalised as ImageNet's.
            until: Name of the last layer to compute.

        Returns:
            ``[B, 128, H/2, W/2]``, ``[B, 256, H/4, W/4]`` and ``[B, 512, H/8, W/8]``.
        """
        x, found = images, []
        if next(self._layers.parameters()).device != images.device:
            self._layers.to(images.device)
        for place, layer in enumerate(self._layers):
            x = layer(x)
            if place in _LAYERS.values():
                found.append(x)
            if place == _LAYERS[until]:
                break
        return tuple(found)


def _randomise(layers: nn.Module) -> None:
    generator = torch.Generator().manual_seed(_SEED)
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _published() -> dict[str, Tensor]:
    """Return torchvision's weights of the layers that are used, from torch hub's cache or the web.

    Raises:
        StageError: There is neither a file nor a network, or the file has other weights.
    """
    from torchvision.models import VGG19_Weights

    weights = VGG19_Weights.IMAGENET1K_V1
    file = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]
    if not file.exists():
        _log.info("VGG-19: downloading %s", weights.url)
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        convolutions = [name for name in state if name.startswith("features.")]
        used = {name.removeprefix("features."): state[name] for name in convolutions}
        return {k: v for k, v in used.items() if int(k.partition(".")[0]) <= _LAYERS["relu4_1"]}
    except Exception as error:  # downloader and unpickler raise many types of errors
        reason = (str(error).strip().splitlines() or [""])[0]
        raise StageError(
            f"facecycle: the ImageNet weights of VGG-19 cannot be loaded: {type(error).__name__}: "
            f"{reason} Expected a network or the file. Download {weights.url} and place it as "
            f"{file}, or learn with a declared substitute: --set facecycle.vgg=random."
        ) from error
