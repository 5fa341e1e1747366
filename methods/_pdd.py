"""Modules of PCL's pose-disentangled decoder (PDD): branches, projection heads, decoder.

Sizes that PCL's paper leaves to its supplement are those of the released code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import act, conv, init_facecycle

DECODED_SIZE = 64  # pixels: six doublings of one position


def branch(channels: int) -> nn.Sequential:
    """Return g_f or g_p: a feature map ``[B, C, h, w]`` to one of the same shape (PCL 3.1)."""
    layers = nn.Sequential(conv(channels, channels), act(), conv(channels, channels), act())
    init_facecycle(layers)
    return layers


def projection(dim: int) -> nn.Sequential:
    """Return the released code's projection head, ``[B, D]`` to ``[B, 512]``."""
    return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, 512), nn.BatchNorm1d(512))


class Decoder(nn.Module):
    """The reconstruction network D: six blocks of upsampling and convolution (PCL section 3.1).

    Args:
        feature_dim: Length of F_f and F_p.
    """

    widths = (512, 256, 256, 256, 256, 128, 3)

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.stem = nn.Linear(feature_dim, self.widths[0])
        blocks: list[nn.Module] = []
        for inputs, outputs in zip(self.widths, self.widths[1:], strict=False):
            blocks += [nn.ReLU(), nn.Upsample(scale_factor=2, mode="bilinear")]
            blocks.append(conv(inputs, outputs))
            if outputs != 3:
                blocks.append(nn.BatchNorm2d(outputs))
        self.blocks = nn.Sequential(*blocks, nn.Tanh())

    def forward(self, f: Tensor, p: Tensor) -> Tensor:
        """Return D(F_f, F_p), images ``[B, 3, 64, 64]``, of features ``[B, D]`` each."""
        code = self.stem(F.normalize((f + p).float(), dim=1))
        code = code[:, :, None, None].contiguous(memory_format=torch.channels_last)
        return self.blocks(code)  # type: ignore[no-any-return]


def disentangling_loss(
    decoder: Decoder, source: tuple[Tensor, Tensor, Tensor], varied: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """Return L_dis, PCL Eq. 2: the face comes from F_f of either image, the pose from F_p.

    Args:
        decoder: D.
        source: s ``[B, 3, 64, 64]`` with its F_f and F_p ``[B, D]``.
        varied: The same for s-hat, the pose-varied image.

    Returns:
        Scalar: sum over the four reconstructions of the mean absolute error.
    """
    (s, f, p), (s_hat, f_hat, p_hat) = source, varied
    # One pass of D over the four combinations, in the order of Eq. 1.
    drawn = decoder(torch.cat([f, f, f_hat, f_hat]), torch.cat([p, p_hat, p, p_hat])).float()
    target = torch.cat([s, s_hat, s, s_hat])
    return 4 * F.l1_loss(drawn, target)


def decoded_parts(decoder: Decoder, f: Tensor, p: Tensor, p_hat: Tensor) -> dict[str, Tensor]:
    """Return what D draws of features together and alone, PCL Fig. 4 (b) to (f).

    D takes a sum, so the feature that is left out is 0.

    Args:
        decoder: D.
        f: F_f of s, ``[B, D]``.
        p: F_p of s.
        p_hat: F_p of the pose-varied image.

    Returns:
        Caption to images ``[B, 3, 64, 64]`` in [0, 1].
    """
    nothing = torch.zeros_like(f)
    parts = {
        r"$F_f + F_p$": (f, p),
        r"$F_f + F_{\hat{p}}$": (f, p_hat),
        r"$F_f$": (f, nothing),
        r"$F_p$": (nothing, p),
        r"$F_{\hat{p}}$": (nothing, p_hat),
    }
    return {caption: decoder(*pair).float().clamp(0, 1) for caption, pair in parts.items()}


def at_decoded_size(images: Tensor) -> Tensor:
    """Return images at the decoder's size, ``[B, 3, 64, 64]``."""
    if images.shape[-1] == DECODED_SIZE:
        return images
    return F.interpolate(images, size=DECODED_SIZE, mode="bilinear", antialias=True)
