"""How images enter a model: their size, filter, channels, values and type.

What is declared here is part of the key of features and of the result's record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from facebench.errors import SpecError
from facebench.ranges import Side, check_values
from facebench.runtime.images import Filter, Scaling

Value = Annotated[float, Interval(ge=-1e6, le=1e6)]  # of a pixel


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """How images enter a model (``--set preprocess.KEY=VALUE``).

    Args:
        image_size: Side in pixels to which an image's crop is scaled, from the file's own
            resolution; 0: the size that the task declares.
        filter: Filter of this scaling.
        antialias: Whether the filter grows with the reduction, as in Pillow and torchvision, or
            has a fixed size, as in OpenCV.
        channels: Order of the channels.
        values: What black and white become: ``(0, 1)``, ``(-1, 1)``, ``(0, 255)``.
        mean: What is then subtracted, in the order of ``channels`` and the unit of ``values``;
            empty: nothing.
        std: What they are then divided by.
        dtype: Type of the batch; ``uint8`` needs values of (0, 255), without mean and std.
    """

    image_size: Literal[0] | Side = 0
    filter: Filter = "bilinear"
    antialias: bool = True
    channels: Literal["RGB", "BGR"] = "RGB"
    values: tuple[Value, ...] = (0.0, 1.0)
    mean: tuple[Value, ...] = ()
    std: tuple[Value, ...] = ()
    dtype: Literal["float32", "uint8"] = "float32"

    def __post_init__(self) -> None:
        check_values(self, "preprocess")
        Scaling(self.filter, self.antialias)  # checks that both fit
        if len(self.values) != 2 or self.values[0] >= self.values[1]:
            raise SpecError(
                f"preprocess.values is {list(self.values)}; expected two numbers, of black and of "
                "white, for example 0,255."
            )
        given = (*self.mean, *self.std)
        fits = (len(self.mean), len(self.std)) == (3, 3) and all(value > 0 for value in self.std)
        if given and not fits:
            raise SpecError(
                f"preprocess.mean is {list(self.mean)} and preprocess.std {list(self.std)}; "
                "expected three numbers each, of the channels in the unit of preprocess.values, "
                "std above 0. Give both or neither."
            )
        if self.dtype == "uint8" and (given or tuple(self.values) != (0, 255)):
            raise SpecError(
                "preprocess.dtype is uint8, which holds the numbers 0 to 255. Give preprocess."
                "values=0,255 and neither mean nor std, or preprocess.dtype=float32."
            )

    @property
    def scaling(self) -> Scaling:
        """Return how an image is scaled."""
        return Scaling(self.filter, self.antialias)

    def enter(self, images: Tensor) -> Tensor:
        """Return images as the model sees them.

        Args:
            images: RGB in [0, 1], float ``[B, 3, S, S]``.

        Returns:
            ``[B, 3, S, S]`` of the declared type.
        """
        if self.channels == "BGR":
            images = images.flip(1)
        if self.dtype == "uint8":
            return images.mul(255).round().to(torch.uint8)
        low, high = self.values
        if (low, high) != (0, 1):
            images = images * (high - low) + low
        if self.mean:
            mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1)
                         for v in (self.mean, self.std))  # fmt: skip
            images = (images - mean) / std
        return images

    def shown(self, entered: Tensor) -> Tensor:
        """Return what a model sees as a picture: mean, std and range undone, and nothing else.

        The first channel is drawn in red, so images of a model that takes BGR look blue.

        Args:
            entered: Output of :meth:`enter`.

        Returns:
            float ``[B, 3, S, S]`` in [0, 1].
        """
        images = entered.float()
        if self.mean:
            mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (self.mean, self.std))
            images = images * std + mean
        low, high = self.values
        return ((images - low) / (high - low)).clamp(0, 1)
