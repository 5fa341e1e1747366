"""The reconstruction grid: images decoded from each part of a representation (PCL Fig. 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from facebench.report.figures.drawing import Drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL = 1.1  # inches


def reconstruction_grid(
    columns: Mapping[str, npt.NDArray[np.float32]],
    title: str,
    *,
    synthetic: bool,
    warnings: tuple[str, ...] = (),
) -> Drawing:
    """Return one row for each image and one column for each reconstruction.

    Args:
        columns: Caption (TeX between dollars) to images ``[B, S, S, 3]`` in [0, 1].
        title: Title of the figure.
        synthetic: Whether the faces are rendered.
        warnings: See :class:`facebench.report.figures.drawing.Drawing`.
    """
    rows = len(next(iter(columns.values())))

    def paint(figure: Figure) -> None:
        axes = figure.subplots(rows, len(columns), squeeze=False)
        for place, (caption, images) in enumerate(columns.items()):
            axes[0, place].set_title(caption)
            for row, image in enumerate(images):
                axes[row, place].imshow(image, interpolation="nearest", vmin=0, vmax=1)
        for axis in axes.flat:
            axis.set_axis_off()

    size = (_CELL * len(columns), _CELL * rows + 0.6)
    return Drawing(title, size, paint, synthetic=synthetic, warnings=warnings)
