"""The pose-augmented copies that PCL takes as negatives, where several devices share a batch.

Each device has the copies of its own images; the loss has those of all.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from facebench.pretrain.devices import gathered, own_places

Negatives = Literal["anchor", "batch"]


def copied(s: Tensor, copies: int, negatives_of: Negatives, count: int) -> tuple[Tensor, Tensor]:
    """Return M copies of this device's images, and their places among those of all devices.

    Args:
        s: Images of this device, ``[n, 3, S, S]``.
        copies: M.
        negatives_of: ``anchor``: the M copies of an image follow each other; ``batch``: all images
            follow each other, M times.
        count: Images of all devices, P.

    Returns:
        ``[n * M, 3, S, S]`` and ``[n * M]``, from 0 to P * M - 1.
    """
    own, turns = own_places(count), torch.arange(copies)
    if negatives_of == "anchor":
        return s.repeat_interleave(copies, dim=0), (own[:, None] * copies + turns).flatten()
    return s.repeat(copies, 1, 1, 1), (turns[:, None] * count + own).flatten()


def negatives_of_all(p: Tensor, copies: int, negatives_of: Negatives, count: int) -> Tensor:
    """Return the negatives of all anchors, ``[P, M, D]``.

    Args:
        p: F_p of this device's copies, in the order of :func:`copied`, ``[n * M, D]``.
        copies: M.
        negatives_of: As in :func:`copied`; with ``batch``, each M that follow each other in the
            order of all devices are the negatives of an anchor.
        count: Images of all devices, P.
    """
    own = len(p) // copies
    if negatives_of == "anchor":
        return gathered(p.unflatten(0, (own, copies)), count)
    of_images = gathered(p.unflatten(0, (copies, own)).transpose(0, 1), count)  # [P, M, D]
    negatives: Tensor = of_images.transpose(0, 1).flatten(0, 1).unflatten(0, (count, copies))
    return negatives
