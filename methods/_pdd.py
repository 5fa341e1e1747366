"""Modules of PCL's pose-disentangled decoder (PDD): branches, projection heads, decoder.

Sizes that the paper gives in its supplement only are those of the released code.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import act, conv, init_facecycle
from facebench.pretrain.devices import share_of_mean

DECODED_SIZE = 64  # pixels: six doublings of one position


def branch(channels: int) -> nn.Sequential:
    """Return g_f or g_p: a feature map ``[B, C, h, w]`` to one of the same shape (PCL 3.1)."""
    layers = nn.Sequential(conv(channels, channels), act(), conv(channels, channels), act())
    init_facecycle(layers)
    return layers


def projection(dim: int, kind: Literal["released", "simclr"]) -> nn.Module:
    """Return a projection head, ``[B, D]`` to ``[B, 512]`` (released) or ``[B, 128]`` (SimCLR).

    Args:
        dim: Length of F_f and F_p.
        kind: ``released``: PCL's released code, with a final normalisation; ``simclr``: lightly's,
            as in the baseline, with a normalisation after each of its two layers.
    """
    if kind == "simclr":
        from lightly.models.modules.heads import SimCLRProjectionHead

        head: nn.Module = SimCLRProjectionHead(dim, 2048, 128)
        return head
    return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, 512), nn.BatchNorm1d(512))


class DoublingConv2d(nn.Conv2d):
    """Bilinear upsampling by 2 fused with a 3x3 convolution, with a quarter of the multiplications.

    Upsampling does not mix channels, so the nine taps are applied to the channels before it, at a
    quarter of the positions. Upsampling, shifting and adding the taps is one matrix per axis.

    Args:
        inputs: Channels C of the small map.
        outputs: Channels O of the doubled map.
        side: Side n of the small map, in positions.
    """

    def __init__(self, inputs: int, outputs: int, side: int) -> None:
        super().__init__(inputs, outputs, kernel_size=3, padding=1)
        doubled = F.interpolate(torch.eye(side)[None], scale_factor=2, mode="linear")[0].t()
        padded = F.pad(doubled, (0, 0, 1, 1))  # [2n + 2, n], zero padding as in a convolution
        taps = torch.stack([padded[tap : tap + 2 * side] for tap in range(3)], dim=2)
        self.register_buffer("spread", taps.flatten(1), persistent=False)  # [2n, n * 3]
        self.spread: Tensor
        self.bias: nn.Parameter  # nn.Conv2d may have no bias

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, O, 2n, 2n]`` of ``[B, C, n, n]``."""
        (batch, channels, n, _), outputs = x.shape, self.out_channels
        taps = self.weight.permute(1, 3, 2, 0).reshape(channels, -1)  # [C, 3 across * 3 down * O]
        mixed = x.permute(0, 2, 3, 1).reshape(-1, channels) @ taps
        wide = self.spread.expand(batch * n, -1, -1) @ mixed.view(batch * n, n * 3, 3 * outputs)
        wide = wide.view(batch, n, 2 * n, 3, outputs).transpose(2, 3)
        wide = wide.reshape(batch, n * 3, 2 * n * outputs)
        drawn = self.spread.expand(batch, -1, -1) @ wide
        drawn = drawn.view(batch, 2 * n, 2 * n, outputs)
        return drawn.permute(0, 3, 1, 2) + self.bias[:, None, None]


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
        for block, (inputs, outputs) in enumerate(pairwise(self.widths)):
            # In the released code an upsampling module precedes the convolution in the numbering.
            blocks += [nn.ReLU(), nn.Identity(), DoublingConv2d(inputs, outputs, side=2**block)]
            if outputs != 3:
                blocks.append(nn.BatchNorm2d(outputs))
        self.blocks = nn.Sequential(*blocks, nn.Tanh())

    def forward(self, f: Tensor, p: Tensor) -> Tensor:
        """Return D(F_f, F_p), images ``[B, 3, 64, 64]``, of features ``[B, D]`` each."""
        code = self.stem(F.normalize((f + p).float(), dim=1))
        code = code[:, :, None, None].contiguous(memory_format=torch.channels_last)
        return self.blocks(code)  # type: ignore[no-any-return]


def disentangling_loss(
    decoder: Decoder,
    source: tuple[Tensor, Tensor, Tensor],
    varied: tuple[Tensor, Tensor, Tensor],
    *,
    passes: Literal["joint", "separate"] = "joint",
    count: int | None = None,
) -> Tensor:
    """Return L_dis, PCL Eq. 2: the face is decoded from F_f of either image, the pose from F_p.

    Args:
        decoder: The decoder D.
        source: Images s ``[B, 3, 64, 64]`` with their F_f and F_p ``[B, D]``.
        varied: The same for s-hat, the pose-varied images.
        passes: ``joint``: one pass of D, whose BatchNorm sees all four reconstructions at once;
            ``separate``: four, in the order of the released code.
        count: Images s of all devices that learn together; by default each has as many.

    Returns:
        Scalar: sum over the four reconstructions of the mean absolute error.
    """
    (s, f, p), (s_hat, f_hat, p_hat) = source, varied
    if passes == "separate":
        parts = ((f, p_hat, s_hat), (f_hat, p, s), (f, p, s), (f_hat, p_hat, s_hat))
        losses = [
            share_of_mean((decoder(face, pose).float() - image).abs(), count)
            for face, pose, image in parts
        ]
        return torch.stack(losses).sum()
    # One pass of D over the four combinations, in the order of Eq. 1.
    drawn = decoder(torch.cat([f, f, f_hat, f_hat]), torch.cat([p, p_hat, p, p_hat])).float()
    target = torch.cat([s, s_hat, s, s_hat])
    return 4 * share_of_mean((drawn - target).abs(), None if count is None else 4 * count)


def decoded_parts(decoder: Decoder, f: Tensor, p: Tensor, p_hat: Tensor) -> dict[str, Tensor]:
    """Return the images decoded from F_f and F_p together and separately, PCL Fig. 4 (b) to (f).

    D takes the sum of both features, so an omitted feature is 0.

    Args:
        decoder: The decoder D.
        f: F_f of s, ``[B, D]``.
        p: F_p of s, ``[B, D]``.
        p_hat: F_p of the pose-varied image, ``[B, D]``.

    Returns:
        Captions mapped to images ``[B, 3, 64, 64]`` in [0, 1].
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
