"""Where the regions of a mean face lie in an image, and which patches they let a method show.

MARLIN (Cai et al., CVPR 2023) hides the patches of a face's parts first ("Fasking"), by a parser's
regions of every frame. Here one mean face stands for all images: its boxes are those of rendered
faces, whose eyes are level and whose chin is near the lower border, as in aligned crops.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.pretrain.augment import draws

# Top, left, bottom, right in sides of the image; a later one lies on those before it. MARLIN's
# seven regions: five parts, skin and background. Sides as those of a face in the image.
BOXES = {
    "background": (0.0, 0.0, 1.0, 1.0),
    "hair": (0.02, 0.18, 0.30, 0.82),
    "skin": (0.20, 0.21, 0.92, 0.79),
    "right eye": (0.26, 0.27, 0.45, 0.45),
    "left eye": (0.26, 0.55, 0.45, 0.73),
    "nose": (0.45, 0.40, 0.66, 0.60),
    "mouth": (0.66, 0.36, 0.82, 0.64),
}
SHOWN_FIRST = ("background", "skin")  # the other regions follow in an order drawn for each image


class Crops(NamedTuple):
    """Crops ``[B, 3, S, S]``; bool ``[B, 7, N]``, which of their patches have which region."""

    images: Tensor
    touches: Tensor | None = None


def cropped(
    images: Tensor,
    crop: Callable[[Tensor, torch.Generator], Tensor],
    regions: Tensor | None,
    patch: int,
    generator: torch.Generator,
) -> Crops:
    """Crop images, together with the mean face if its regions are needed.

    Args:
        images: ``[B, 3, S, S]``.
        crop: Crops or mirrors images of any number of channels.
        regions: Regions of the mean face, ``[7, S, S]``; None if they are not needed.
        patch: Side of a patch in pixels.
        generator: Generator of its draws.
    """
    if regions is None:
        return Crops(crop(images, generator))
    face = regions.to(images).expand(len(images), -1, -1, -1)
    crops = crop(torch.cat([images, face], dim=1), generator)  # [B, 3 + 7, S, S]
    return Crops(crops[:, :3].contiguous(), touched(crops[:, 3:], patch))


@cache
def mean_face(size: int) -> Tensor:
    """Return the regions of the mean face, ``[7, size, size]``: 1 in one region, 0 elsewhere."""
    centres = (torch.arange(size) + 0.5) / size
    regions = torch.zeros(len(BOXES), size, size)
    for place, (top, left, bottom, right) in enumerate(BOXES.values()):
        inside = torch.outer((centres >= top) & (centres < bottom),
                             (centres >= left) & (centres < right))  # fmt: skip
        regions[:, inside] = 0.0
        regions[place, inside] = 1.0
    return regions


def touched(regions: Tensor, patch: int) -> Tensor:
    """Return which patches have a pixel of which region.

    Args:
        regions: ``[B, R, S, S]``, such as cropped regions; a pixel is of the one with most.
        patch: Side of a patch in pixels.

    Returns:
        bool ``[B, R, N]``, patches row by row.
    """
    of_pixel = F.one_hot(regions.argmax(dim=1), regions.shape[1])  # [B, S, S, R]
    return F.max_pool2d(of_pixel.movedim(-1, 1).float(), patch).flatten(2) > 0


def hidden_first(
    crops: Crops, patches: int, hidden: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw which patches are hidden: any, or those of a face's parts first.

    Args:
        crops: The images, with the regions of their patches if those decide.
        patches: Patches of an image, N.
        hidden: How many of them are hidden, from 1 to N - 1.
        generator: Generator of all draws.

    Returns:
        Places ``[B, hidden]`` and ``[B, N - hidden]``, of the hidden patches and of the others.
    """
    if crops.touches is None:
        order = draws.orders(len(crops.images), patches, generator)
    else:
        order = parts_first(crops.touches, patches - hidden, generator)
    order = order.to(crops.images.device)
    return order[:, :hidden], order[:, hidden:]


def parts_first(touches: Tensor, shown: int, generator: torch.Generator) -> Tensor:
    """Draw the patches that are hidden, those of a face's parts first (MARLIN, released code).

    Regions are opened in turn, background and skin, then the parts in random order, until the
    patches that have a pixel of them are enough; of these, ``shown`` are drawn.

    Args:
        touches: bool ``[B, 7, N]``: which patches have a pixel of which region.
        shown: Patches to show, less than N.
        generator: Generator of all draws.

    Returns:
        ``[B, N]``, a permutation of the places: hidden ones, then the ``shown`` ones.
    """
    count, kinds, patches = touches.shape
    names = list(BOXES)
    turns = draws.uniform((count, kinds), 0, 1, generator).to(touches.device)
    for turn, name in enumerate(SHOWN_FIRST, start=-len(SHOWN_FIRST)):
        turns[:, names.index(name)] = turn
    rank = turns.argsort(dim=1).argsort(dim=1)  # [B, 7]: the turn of each region
    opened = torch.where(touches, rank[:, :, None], kinds).amin(dim=1)  # [B, N]
    enough = opened.sort(dim=1).values[:, shown - 1, None]  # the turn after which to stop
    keys = draws.uniform((count, patches), 0, 1, generator).to(touches.device)
    return (keys - (opened <= enough).float()).argsort(dim=1, descending=True)
