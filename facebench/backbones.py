"""Shared backbones behind one small contract: images in [0, 1] become a feature map.

``facecycle16`` is the 16-layer CNN of PCL (section 4.1) and FaceCycle, ``facecycle16_wide`` the
form of it that FaceCycle released; ``timm:NAME`` is any model of the timm library
(:mod:`facebench.timm_backbone`). A plugin adds its own through the entry-point group
``facebench.backbones``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.errors import PluginError

NEGATIVE_SLOPE = 0.1  # LeakyReLU throughout facecycle16
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # means of R, G and B in [0, 1]
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module, ABC):
    """Maps images ``[B, 3, H, W]`` in [0, 1] to a feature map ``[B, C, h, w]``.

    Input normalisation, where a model wants one, happens inside, so that methods and tasks are
    independent of it.
    """

    channels: int  # C of the feature map

    @property
    def made_for(self) -> int | None:
        """Side in pixels that its weights are made for; None if they do not depend on it.

        Where they do, images to learn from and to extract features of have one size: that which
        features are extracted at, or, for weights from a file, this one.
        """
        return None

    def build_for(self, side: int) -> None:
        """Make its weights anew for images of ``side`` pixels, if ``made_for`` is not None.

        Called once, before a method is built on it.

        Raises:
            SpecError: It takes no such images; the message gives the nearest side that it takes.
        """

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map ``[B, C, h, w]`` of images ``[B, 3, H, W]`` in [0, 1]."""

    @property
    def transformer(self) -> Any:
        """Return timm's ``VisionTransformer`` that computes the feature map; None if none does.

        For methods that hide patches of its images (``MethodInfo.transformer``). It takes images
        that :meth:`normalise` returns.
        """
        return None

    def normalise(self, images: Tensor) -> Tensor:
        """Return images ``[B, 3, S, S]`` in [0, 1] as its network takes them; by default as is."""
        return images

    def nearest_size(self, side: int) -> int:
        """Return the side in pixels, nearest to ``side``, of images that it takes; by default any.

        Runs resize the images that they learn from and extract features of to this side, and
        record it.

        Raises:
            SpecError: There is none.
        """
        return side

    def feature_dim(self, image_size: int) -> int:
        """Return the length ``C*h*w`` of the flattened feature map at ``image_size`` pixels."""
        training = self.training
        self.eval()
        with torch.inference_mode():
            parameter = next(self.parameters())
            probe = torch.zeros(1, 3, image_size, image_size, device=parameter.device)
            dim = self(probe).numel()
        self.train(training)
        return int(dim)


def init_facecycle(module: nn.Module) -> None:
    """Initialise as the authors do: conv N(0, sqrt(2 / (k*k*out))), linear N(0, 0.01), bias 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            fan = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels
            nn.init.normal_(layer.weight, 0.0, math.sqrt(2.0 / fan))
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.01)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def conv(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """Return a biased convolution that keeps the size at stride 1."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)


def act() -> nn.LeakyReLU:
    """Return the activation of facecycle16."""
    return nn.LeakyReLU(NEGATIVE_SLOPE)


class ChannelAttention(nn.Module):
    """Channel attention of the shared backbone: a C x C similarity re-weights the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g = conv(channels, channels, kernel=1)
        self.theta = conv(channels, channels, kernel=1)
        self.phi = conv(channels, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C, h, w]`` features of the same shape."""
        theta = self.theta(x).flatten(2).softmax(dim=2)  # [B, C, N], over positions
        phi = self.phi(x).flatten(2)  # [B, C, N]
        g = self.g(x).flatten(2).softmax(dim=1)  # [B, C, N], over channels
        similarity = phi @ theta.transpose(1, 2)  # [B, C, C]
        return F.leaky_relu(x + (similarity @ g).view_as(x), NEGATIVE_SLOPE)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around an identity; no normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels)
        self.conv2 = conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C, h, w]`` features of the same shape."""
        hidden = F.leaky_relu(self.conv1(x), NEGATIVE_SLOPE)
        return F.leaky_relu(self.conv2(hidden) + x, NEGATIVE_SLOPE)


class FaceCycle16(Backbone):
    """The 16-layer CNN of PCL, in its PCL variant (``layer3_1`` ends in 128 channels).

    The flattened map is F_s: ``128 * ceil(S / 16)**2`` numbers, 2048 at 64 px. Submodules carry
    the names of the released weights, so that ``encoder.*`` tensors match by name and shape.
    """

    channels = 128

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(conv(3, 64, kernel=7, stride=2), act(), conv(64, 64), act())
        self.layer1 = nn.Sequential(conv(64, 64), act(), ChannelAttention(64), conv(64, 64), act())
        self.layer2_1 = nn.Sequential(
            conv(64, 128, stride=2), act(), ChannelAttention(128), conv(128, 128), act()
        )
        self.resblock1 = ResidualBlock(128)
        self.resblock2 = ResidualBlock(128)
        self.layer2_2 = nn.Sequential(conv(128, 128, stride=2), act(), conv(128, 128), act())
        self.layer3_1 = nn.Sequential(conv(128, 256, stride=2), act(), conv(256, 128), act())
        init_facecycle(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map ``[B, 128, ceil(H/16), ceil(W/16)]``."""
        x = self.layer1(self.conv1(images))
        x = self.resblock2(self.resblock1(self.layer2_1(x)))
        return self.layer3_1(self.layer2_2(x))  # type: ignore[no-any-return]

    def feature_dim(self, image_size: int) -> int:
        """Return ``128 * ceil(image_size / 16)**2``."""
        return self.channels * math.ceil(image_size / 16) ** 2


class FaceCycle16Wide(FaceCycle16):
    """The CNN as FaceCycle released it: ``layer3_1`` stays 256 wide, and ``layer3_2`` follows.

    The map has the size of FaceCycle16's. Images are normalised as ImageNet's, which is what the
    released weights learned from.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layer3_1 = nn.Sequential(conv(128, 256, stride=2), act(), conv(256, 256), act())
        self.layer3_2 = nn.Sequential(conv(256, 256), act(), conv(256, 128), act())
        init_facecycle(self)
        # Not persistent: the released weights hold neither.
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map ``[B, 128, ceil(H/16), ceil(W/16)]``."""
        x = super().forward((images - self.mean) / self.std)
        return self.layer3_2(x)  # type: ignore[no-any-return]


class NoBackbone(Backbone):
    """Placeholder for methods without a shared backbone; has no parameters and computes nothing."""

    channels = 0

    def forward(self, images: Tensor) -> Tensor:
        """Raise an error.

        Raises:
            PluginError: Always, since the method declares that it has no backbone.
        """
        raise PluginError(
            "a method whose info says backbone=False calls its backbone or encode(); expected "
            "features() of its own. Write it, or declare the backbone."
        )

    def feature_dim(self, image_size: int) -> int:
        """Return 0."""
        return 0
