"""The reconstruction grid: images decoded from each part of a representation (PCL Fig. 4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from facebench.report.figures.drawing import draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL = 1.1  # inches


def draw_reconstructions(
    path: Path, columns: Mapping[str, npt.NDArray[np.float32]], title: str
) -> None:
    """Draw one row for each image and one column for each reconstruction.

    Args:
        path: ``.png`` or ``.svg``.
        columns: Caption (TeX between dollars) to images ``[B, S, S, 3]`` in [0, 1].
        title: Title of the figure.

    Raises:
        SpecError: See :func:`facebench.report.figures.drawing.draw`, as for the next.
        FacebenchError: matplotlib is not installed.
    """
    rows = len(next(iter(columns.values())))

    def paint(figure: Figure) -> None:
        figure.suptitle(title, fontsize=9)
        axes = figure.subplots(rows, len(columns), squeeze=False)
        for place, (caption, images) in enumerate(columns.items()):
            axes[0, place].set_title(caption, fontsize=10)
            for row, image in enumerate(images):
                axes[row, place].imshow(image, interpolation="nearest", vmin=0, vmax=1)
        for axis in axes.flat:
            axis.set_axis_off()

    draw(path, (_CELL * len(columns), _CELL * rows + 0.6), paint)
