"""HoG: histograms of oriented gradients; nothing is learned.

Dalal and Triggs, "Histograms of oriented gradients for human detection", CVPR 2005; computed by
scikit-image. PCL's tables give no settings.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from torch import Tensor

from facebench.errors import SpecError
from facebench.method import Method, MethodInfo
from facebench.ranges import check_values

Bins = Annotated[int, Interval(ge=1, le=360)]
Pixels = Annotated[int, Interval(ge=1, le=4096)]


@dataclass(frozen=True, kw_only=True)
class HoGOptions:
    """Options of HoG."""

    orientations: Bins = 9  # bins over 180 degrees; Dalal and Triggs, section 6.3
    cell: Pixels = 8  # pixels on each side of a cell; Dalal and Triggs, section 6.4
    block: Bins = 2  # cells on each side of a block; Dalal and Triggs, section 6.4

    def __post_init__(self) -> None:
        check_values(self)


class HoG(Method):
    """Histograms of gradient orientations, normalised over overlapping blocks (L2-Hys)."""

    info = MethodInfo(
        name="hog",
        title="HoG",
        version=1,
        paper="Dalal and Triggs, CVPR 2005",
        year=2005,
        paper_url="https://doi.org/10.1109/CVPR.2005.177",
        needs="nothing",
        backbone=False,
    )
    Options = HoGOptions
    options: HoGOptions

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return the descriptor of each image, ``[B, D]``.

        D is ``(S // cell - block + 1)**2 * block**2 * orientations``: 4356 at 100 px. At
        each pixel, the colour channel with the largest gradient is used (section 6.2).

        Raises:
            SpecError: The image is smaller than one block.
        """
        from skimage.feature import hog

        options, side = self.options, images.shape[-1]
        if side < options.cell * options.block:
            raise SpecError(
                f"hog.cell is {options.cell}, hog.block {options.block}: the images have {side} "
                "pixels on a side; expected at least cell * block. Choose smaller cells or "
                "larger images."
            )
        faces = images.permute(0, 2, 3, 1).float().cpu().numpy()
        descriptors = [
            hog(
                face,
                orientations=options.orientations,
                pixels_per_cell=(options.cell, options.cell),
                cells_per_block=(options.block, options.block),
                block_norm="L2-Hys",  # Dalal and Triggs, section 6.4
                channel_axis=-1,
            )
            for face in faces
        ]
        return torch.from_numpy(np.stack(descriptors)).float().to(images.device)
