"""dlib's face recognition network as a module of torch, from dlib's file of its weights.

Ten times as fast as the wheel of dlib-bin on a processor. The network is that of dlib's example
``dnn_face_recognition_ex.cpp``: a ResNet of 29 convolutions, with affine layers in place of batch
normalisation, strided convolutions without padding, and blocks of different sizes added where they
overlap, the larger one's size being that of the sum.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEAN = (122.782, 117.001, 104.298)  # dlib's input_rgb_image_sized, which then divides by 256
# Channels of each residual block, and whether it halves the image.
BLOCKS = [(32, False)] * 3 + [(64, True)] + [(64, False)] * 3 + [(128, True)] + [(128, False)] * 2
BLOCKS += [(256, True)] + [(256, False)] * 2 + [(256, True)]


def tensors(file: Path) -> list[np.ndarray]:
    """Return the tensors of a file that ``dlib::serialize`` wrote of a network, input side first.

    A tensor is its version (2), four numbers of its shape (the last two are 1 in this network), and
    as many float32, little-endian; a number is a byte with its length in bytes, and these.
    """
    content, place, found = file.read_bytes(), 0, []
    while (place := content.find(b"\x01\x02", place)) >= 0:
        after, shape = place + 2, []
        for _ in range(4):
            length = content[after] if after < len(content) else 0
            if not 1 <= length <= 4:
                break
            shape.append(int.from_bytes(content[after + 1 : after + 1 + length], "little"))
            after += 1 + length
        size = int(np.prod(shape, dtype=np.int64)) if len(shape) == 4 else 0
        if size >= 64 and shape[2:] == [1, 1] and after + 4 * size <= len(content):
            found.append(np.frombuffer(content, "<f4", size, after).reshape(shape))
            place = after + 4 * size
        else:
            place += 1
    return found


class Affine(nn.Module):
    """A convolution, and a scale and an offset for each of its channels."""

    def __init__(self, conv: np.ndarray, affine: np.ndarray, side: int, stride: int) -> None:
        super().__init__()
        channels = affine.size // 2
        weights, bias = np.split(conv.ravel(), [conv.size - channels])
        scale, offset = torch.from_numpy(affine.ravel().copy()).split(channels)
        weight = torch.from_numpy(weights.copy()).view(channels, -1, side, side)
        self.stride, self.padding = stride, side // 2 if stride == 1 else 0
        self.weight = nn.Parameter(weight * scale.view(-1, 1, 1, 1))
        self.bias = nn.Parameter(torch.from_numpy(bias.copy()) * scale + offset)

    def forward(self, images: Tensor) -> Tensor:
        """Return ``[B, C, h, w]``."""
        return F.conv2d(images, self.weight, self.bias, self.stride, self.padding)


class DlibResNet(nn.Module):
    """From chips to descriptors.

    Args:
        file: ``dlib_face_recognition_resnet_model_v1.dat``.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        found = iter(tensors(file))
        self.first = Affine(next(found), next(found), 7, 2)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                Affine(next(found), next(found), 3, stride) for stride in (2 if halved else 1, 1)
            )
            for _, halved in BLOCKS
        )
        self.last = nn.Parameter(torch.from_numpy(next(found).reshape(256, 128).copy()))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        if [len(block[0].bias) for block in self.blocks] != [channels for channels, _ in BLOCKS]:
            raise ValueError(f"{file}: not dlib's face recognition network")

    def forward(self, chips: Tensor) -> Tensor:
        """Return ``[B, 128]`` of RGB chips ``[B, 3, 150, 150]``, values 0 to 255."""
        maps = self.first((chips - self.mean) / 256).relu()
        maps = F.max_pool2d(maps, 3, 2)
        for (first, second), (_, halved) in zip(self.blocks, BLOCKS, strict=True):
            block = second(first(maps).relu())
            maps = F.avg_pool2d(maps, 2) if halved else maps
            maps = _sum(block, maps).relu()
        return maps.mean(dim=(2, 3)) @ self.last


def _sum(one: Tensor, other: Tensor) -> Tensor:
    """Return the sum of two maps; where one ends (in channels, rows, columns) it counts as 0."""
    shape = [max(pair) for pair in zip(one.shape, other.shape, strict=True)]
    total = one.new_zeros(shape)
    for part in (one, other):
        total[:, : part.shape[1], : part.shape[2], : part.shape[3]] += part
    return total
