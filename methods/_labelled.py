"""Modest views of labelled images, shared by the methods that learn from labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from facebench.method import Method
from facebench.pretrain.augment import draws, geometry
from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.ranges import Area, check_values
from facebench.targets import LabelledImages, TargetForm

MIRRORED = frozenset({"yaw", "roll"})  # angles that change their sign in a mirror
UNCHANGED = frozenset({"pitch"})


@dataclass(frozen=True, kw_only=True)
class LabelledOptions:
    """Options of the views; project's choice, since labels survive little more."""

    crop_scale: Area = 0.7  # smallest area of a crop; its sides differ by a tenth at most
    flip: bool = True  # half of the images; yaw and roll are mirrored with them

    def __post_init__(self) -> None:
        check_values(self)


class LabelledMethod(Method):
    """A method that learns from labels; a subclass has ``info``, ``expect`` and ``loss``."""

    Options = LabelledOptions
    options: Any
    form: TargetForm

    def expect(self, form: TargetForm) -> None:
        """Keep what is known of the labels; a subclass makes its head, too."""
        self.form = form

    def views(self, images: Any, generator: torch.Generator) -> LabelledImages:
        """Return a crop of each image, mirrored or not, and its label.

        Args:
            images: Images and labels, :class:`facebench.targets.LabelledImages`.
            generator: Source of all draws.
        """
        batch: LabelledImages = images
        crop = RandomResizedCrop(
            self.image_size, (self.options.crop_scale, 1.0), ratio=(0.95, 1.05)
        )
        mask = draws.chosen(len(batch.images), 0.5 if self._may_flip() else 0.0, generator)
        with torch.autocast(batch.images.device.type, enabled=False):
            faces = geometry.apply_where(crop(batch.images, generator), mask, geometry.flip)
        return LabelledImages(faces, mirrored(batch.targets, self.form, mask))

    def _may_flip(self) -> bool:
        known = self.form.kind != "numbers" or set(self.form.names) <= MIRRORED | UNCHANGED
        return bool(self.options.flip) and known


def mirrored(targets: Tensor, form: TargetForm, mask: Tensor) -> Tensor:
    """Return the labels of images of which some are mirrored: yaw and roll change their sign.

    Args:
        targets: ``[B]`` or ``[B, T]``; returned as they are unless they are numbers.
        form: Kind and names.
        mask: ``[B]`` bool, which images are mirrored.
    """
    if form.kind != "numbers":
        return targets
    mask = mask.to(targets.device)
    columns = [
        torch.where(mask, -column, column) if name in MIRRORED else column
        for name, column in zip(form.names, targets.unbind(1), strict=True)
    ]
    return torch.stack(columns, dim=1)
