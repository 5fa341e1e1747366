"""Images in rows, each with a line of text and a frame that says right or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facebench.report.figures.drawing import Drawing
from facebench.runtime.images import Pixels
from facebench.task import TaskInfo

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 96  # pixels of an image
_CELL, _LINE = 1.0, 0.16  # inches of an image, and of a line of text below it
_FRAMES = {True: "C2", False: "C1"}


@dataclass(frozen=True)
class Cell:
    """One place of a grid.

    Args:
        images: One image, or both of a pair, uint8 ``[S, S, 3]``.
        text: Below it; short lines.
        right: Colour of its frame; None: none.
    """

    images: tuple[Pixels, ...]
    text: str = ""
    right: bool | None = None


def image_grid(
    rows: Sequence[Sequence[Cell]], title: str, *, synthetic: bool, warnings: tuple[str, ...] = ()
) -> Drawing:
    """Return images in rows of equal length.

    Args:
        rows: The cells; at least one.
        title: Title of the figure.
        synthetic: Whether the faces are rendered.
        warnings: See :class:`facebench.report.figures.drawing.Drawing`.
    """
    across = max(map(len, rows))
    pair = max(len(cell.images) for row in rows for cell in row)
    lines = 1 + max(cell.text.count("\n") for row in rows for cell in row)

    def paint(figure: Figure) -> None:
        axes = figure.subplots(len(rows), across, squeeze=False)
        for row, of_row in zip(rows, axes, strict=True):
            for one in of_row:
                one.set_xticks([])
                one.set_yticks([])
                one.spines[:].set_visible(False)
            for cell, one in zip(row, of_row, strict=False):
                _paint(one, cell)

    size = (_CELL * pair * across + 0.2, (_CELL + _LINE * lines) * len(rows) + 0.5)
    return Drawing(title, size, paint, synthetic=synthetic, warnings=warnings)


def licence_warnings(info: TaskInfo, synthetic: bool) -> tuple[str, ...]:
    """Return what has to be known to publish images of a dataset; nothing of rendered ones."""
    if synthetic:
        return ()
    return (
        f"This figure shows images of {info.dataset}. Licence: {info.licence}. Whether faces of "
        "its people may be published is for the licence and its owner to say.",
    )


def _paint(axes: Axes, cell: Cell) -> None:
    import numpy as np

    axes.imshow(np.concatenate(cell.images, axis=1), interpolation="antialiased")
    axes.set_xlabel(cell.text, fontsize="x-small", labelpad=2)
    if cell.right is not None:
        axes.spines[:].set(visible=True, color=_FRAMES[cell.right], linewidth=2)
