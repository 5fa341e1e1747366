"""LBP: histograms of local binary patterns on a grid of cells; nothing is learned.

Ojala et al., "Multiresolution gray-scale and rotation invariant texture classification with local
binary patterns", TPAMI 2002, which PCL's tables cite without settings; histograms on a grid as in
Ahonen et al., "Face description with local binary patterns", TPAMI 2006, whose own patterns, made
for faces, are ``lbp.recipe=ahonen``. The patterns are scikit-image's.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor

from facebench.errors import SpecError
from facebench.method import Method, MethodInfo
from facebench.ranges import check_values


@dataclass(frozen=True, kw_only=True)
class LBPOptions:
    """Options of LBP."""

    # sampling points on the circle, P; Ojala et al., section 2: LBP(8, 1), riu2
    points: Annotated[int, Interval(ge=2, le=24)] = 8
    # radius of the circle in pixels, R; Ojala et al., section 2
    radius: Annotated[float, Interval(gt=0, le=1000)] = 1.0
    # cells on each side; Ahonen et al., section 3: 7 x 7
    grid: Annotated[int, Interval(ge=1, le=1000)] = 7
    rotation_invariant: bool = True  # riu2 of Ojala et al.: P + 2 bins; off: u2, P(P - 1) + 3

    def __post_init__(self) -> None:
        check_values(self)

    @property
    def bins(self) -> int:
        """Return the number of patterns: the uniform ones, and one for all others."""
        p = self.points
        return p + 2 if self.rotation_invariant else p * (p - 1) + 3


class LBP(Method):
    """Histograms of uniform local binary patterns, one for each cell of a grid."""

    info = MethodInfo(
        name="lbp",
        title="LBP",
        version=2,
        paper="Ojala et al., TPAMI 2002; on a grid: Ahonen et al., TPAMI 2006",
        year=2002,
        paper_url="https://doi.org/10.1109/TPAMI.2002.1017623",
        needs="nothing",
        backbone=False,
        recipes={"paper": {}, "ahonen": {"radius": 2.0, "rotation_invariant": False}},
    )
    Options = LBPOptions
    options: LBPOptions

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return histograms ``[B, grid * grid * bins]``; those of a cell sum to 1.

        Raises:
            SpecError: The image has fewer pixels than the grid has cells.
        """
        from skimage.feature import local_binary_pattern
        from torchvision.transforms.v2.functional import rgb_to_grayscale

        options, side = self.options, images.shape[-1]
        if side < options.grid:
            raise SpecError(
                f"lbp.grid is {options.grid}: the images have {side} pixels on a side; expected "
                "a pixel for each cell. Choose a smaller grid or larger images."
            )
        # Integers, since patterns compare pixels and rounding errors would break ties.
        gray = rgb_to_grayscale(images).squeeze(1).mul(255).round().to(torch.uint8).cpu().numpy()
        kind = "uniform" if options.rotation_invariant else "nri_uniform"
        patterns = [local_binary_pattern(g, options.points, options.radius, kind) for g in gray]
        found = histograms(np.stack(patterns).astype(np.int64), options.grid, options.bins)
        return torch.from_numpy(found).to(images.device)


def histograms(patterns: NDArray[np.int64], grid: int, bins: int) -> NDArray[np.float32]:
    """Return how often each pattern occurs in each cell.

    Args:
        patterns: ``[B, H, W]``, values 0 to ``bins - 1``.
        grid: Cells on each side; where they do not divide the image, sizes differ by a pixel.
        bins: Number of patterns.

    Returns:
        ``[B, grid * grid * bins]``, row by row; the shares of a cell sum to 1.
    """
    count, height, width = patterns.shape
    rows, columns = (np.arange(n) * grid // n for n in (height, width))
    cell = rows[:, None] * grid + columns  # [H, W]
    cells = count * grid * grid
    place = np.arange(count)[:, None, None] * grid * grid + cell  # [B, H, W]
    counts = np.bincount((place * bins + patterns).ravel(), minlength=cells * bins)
    shares = counts.reshape(cells, bins) / np.bincount(place.ravel(), minlength=cells)[:, None]
    return shares.reshape(count, -1).astype(np.float32)
