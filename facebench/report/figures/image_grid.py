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
_COLUMN, _SMALL_LINE = 3.1, 0.11  # in a column of a paper: inches of all images, and of a line
_APART = 6  # points between the texts of two images, and beside the first and the last
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
                _paint(one, cell, figure.get_figwidth() / across)

    size = (_CELL * pair * across + 0.2, (_CELL + _LINE * lines) * len(rows) + 0.5)
    cell = _COLUMN / (pair * across)
    column = (cell + _SMALL_LINE * lines + 0.06) * len(rows) + (0.3 if synthetic else 0.1)
    return Drawing(title, size, paint, synthetic=synthetic, warnings=warnings,
                   column_height=column)  # fmt: skip


def licence_warnings(info: TaskInfo, synthetic: bool) -> tuple[str, ...]:
    """Return what has to be known to publish images of a dataset; nothing of rendered ones."""
    if synthetic:
        return ()
    return (
        f"This figure shows images of {info.dataset}. Licence: {info.licence}. Whether faces of "
        "its people may be published is for the licence and its owner to say.",
    )


def _paint(axes: Axes, cell: Cell, inches: float) -> None:
    import numpy as np

    axes.imshow(np.concatenate(cell.images, axis=1), interpolation="antialiased")
    lines = [_fitting(line, inches) for line in cell.text.split("\n")]
    axes.set_xlabel("\n".join(lines), fontsize="x-small", labelpad=2)
    if cell.right is not None:
        axes.spines[:].set(visible=True, color=_FRAMES[cell.right], linewidth=2)


def _fitting(line: str, inches: float) -> str:
    """Return a line, cut where it would run into that of the next image."""
    from matplotlib import rcParams
    from matplotlib.font_manager import font_scalings
    from matplotlib.textpath import TextPath

    points = rcParams["font.size"] * font_scalings["x-small"]

    def wide(text: str) -> bool:
        return bool(TextPath((0, 0), text, size=points).get_extents().width > 72 * inches - _APART)

    if not wide(line):
        return line
    name, _, number = line.rpartition(" ")  # a name may be cut, and the number after it not
    name, kept = (name, f" {number}") if name else (line, "")
    end = next((n for n in range(len(name) - 1, 0, -1) if not wide(f"{name[:n]}…{kept}")), 1)
    return f"{name[:end]}…{kept}"
