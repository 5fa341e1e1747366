"""Networks of FaceCycle: code head, code to flow, face generator, identity normaliser.

Layers, widths, initialisation and names of tensors are those of the released code, so that its
weights fit by name. VGG-19, a submodule of generator and normaliser there, is kept separately
(:mod:`._facecycle_vgg`).
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from facebench.backbones import ChannelAttention, ResidualBlock, act, conv, init_facecycle
from facebench.pretrain.augment.transforms import GaussianNoise

from ._flow import warp

CODE = 256  # length of the expression code and of the identity code


def code_head(feature_dim: int) -> nn.Sequential:
    """Return the layers from a flattened feature map ``[B, D]`` to a code ``[B, 256]``."""
    head = nn.Sequential(nn.Linear(feature_dim, 512), act(), nn.Linear(512, CODE))
    init_facecycle(head)
    return head


class ExpressionToFlow(nn.Module):
    """Maps an expression code to the flow that removes the expression, and to the inverse flow."""

    def __init__(self) -> None:
        super().__init__()
        self.motiongen1 = nn.Sequential(  # 1x1 to 4x4
            nn.Conv2d(CODE, 4096, 1), nn.PixelShuffle(4), act(),
            ChannelAttention(256), conv(256, 256), act(),
        )  # fmt: skip
        self.motiongen2 = nn.Sequential(  # to 8x8
            _double(), conv(256, 128), act(), ChannelAttention(128), conv(128, 128), act()
        )
        self.resblock1 = ResidualBlock(128)
        self.resblock2 = ResidualBlock(128)
        self.toflow4 = nn.Sequential(  # to 16x16
            _double(), conv(128, 64), act(), nn.Conv2d(64, 2, 1, bias=False)
        )
        init_facecycle(self)
        for layer in self.toflow4:
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, 0.0, 0.05)

    def forward(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Return flow and inverse flow, ``[B, 2, 16, 16]`` each, of codes ``[B, 256]``.

        The flow is in (-1, 1), in units of half the image's side. The inverse flow is the negative
        flow, warped by the flow.
        """
        motion = self.motiongen2(self.motiongen1(code[:, :, None, None]))
        flow = self.toflow4(self.resblock2(self.resblock1(motion))).float().tanh()
        return flow, -warp(flow, flow)


class FaceGenerator(nn.Module):
    """Generates a face from VGG features that are warped by a flow.

    Args:
        blocks: Residual blocks; 8 as released.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.redconv = nn.Sequential(conv(256, 256), nn.ReLU())
        self.cnn = nn.Sequential(*(ResidualBlock(256) for _ in range(blocks)))
        self.up = _up(256)
        self.up2 = _up(256)
        self.torgb = conv(128, 3)
        self.noise_encoding1 = _noise_encoding(128)
        self.noise_encoding0 = _noise_encoding(256)
        self.noise = GaussianNoise(1.0)

    def forward(
        self, features: tuple[Tensor, Tensor], flow: Tensor | None, generator: Generator
    ) -> Tensor:
        """Return faces ``[B, 3, H, W]``, normalised as ImageNet's.

        Args:
            features: VGG features of the input face, at relu2_1 ``[B, 128, H/2, W/2]`` and at
                relu3_1 ``[B, 256, H/4, W/4]``.
            flow: ``[B, 2, h, w]``; without it the face is not warped.
            generator: Generator of the noise that fills areas uncovered by the flow.
        """
        fine, coarse = features
        if flow is not None:
            filled = self.noise_encoding0(self._noisy_mean(coarse, generator))
            coarse = warp(coarse, flow) + filled
            fine = warp(fine, flow) + self.noise_encoding1(self._noisy_mean(fine, generator))
        drawn = self.up(self.cnn(self.redconv(coarse)))
        return self.torgb(self.up2(torch.cat([fine, drawn], dim=1)))  # type: ignore[no-any-return]

    def _noisy_mean(self, features: Tensor, generator: Generator) -> Tensor:
        mean = features.mean(dim=(2, 3), keepdim=True)
        return self.noise(mean.expand_as(features), generator)


class Modulation(nn.Module):
    """Instance normalisation whose scale and shift are computed from a code (as in SPADE)."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.InstanceNorm2d(256)
        self.beta = nn.Conv2d(CODE, 256, 1)
        self.gamma = nn.Conv2d(CODE, 256, 1)

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        """Return ``[B, 256, h, w]`` features of the same shape; codes are ``[B, 256]``."""
        code = code[:, :, None, None]
        return self.bn(features) * self.gamma(code) + self.beta(code)  # type: ignore[no-any-return]


class IdentityNormaliser(nn.Module):
    """Maps a neutral face to the mean face by removing its identity, and back.

    Args:
        blocks: Residual blocks before the last one; 6 as released.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.denorm = Modulation()
        self.renorm = Modulation()
        self.cnn = nn.Sequential(*(ResidualBlock(256) for _ in range(blocks)))
        self.cnn3 = nn.Sequential(ResidualBlock(256))
        self.up = nn.Sequential(
            _transposed(256, 128), nn.ReLU(), conv(128, 128), nn.ReLU(),
            _transposed(128, 128), nn.ReLU(),
        )  # fmt: skip
        self.torgb = conv(128, 3, kernel=1)

    def without_identity(self, features: Tensor, code: Tensor) -> Tensor:
        """Return mean faces ``[B, 3, H, W]`` of neutral ones.

        Args:
            features: VGG features of the faces at relu3_1, ``[B, 256, H/4, W/4]``.
            code: ``[B, 256]`` identity codes.
        """
        return self._draw(self.denorm(features, code))

    def with_identity(self, features: Tensor, code: Tensor) -> Tensor:
        """Return neutral faces ``[B, 3, H, W]`` of mean ones; arguments as above."""
        return self._draw(self.renorm(features, code))

    def _draw(self, features: Tensor) -> Tensor:
        drawn = self.up(self.cnn3(self.cnn(features)))
        return self.torgb(drawn)  # type: ignore[no-any-return]


def _double() -> nn.Upsample:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)


def _transposed(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1)


def _up(inputs: int) -> nn.Sequential:
    """Return layers to 128 channels of twice the size."""
    return nn.Sequential(_transposed(inputs, 128), nn.ReLU(), conv(128, 128), nn.ReLU())


def _noise_encoding(channels: int) -> nn.Sequential:
    return nn.Sequential(conv(channels, channels), nn.ReLU(), conv(channels, channels), nn.ReLU())
