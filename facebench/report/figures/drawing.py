"""Common code of all figures: what one is, and how it is written with the same bytes each time.

A figure is a :class:`Drawing`, which a function of each module of this package returns; it paints
on an empty ``Figure``, and :func:`write` creates and saves that. pyplot and its global state are
not used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from facebench.errors import SpecError
from facebench.report.figures.style import (
    Width,
    characters,
    narrow,
    style,
    width_named,
)
from facebench.runtime.atomic import atomic_file, atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYNTHETIC = "SYNTHETIC faces"

# Heights of a paper's figure as a part of its width, where they follow from the width at all.
_FLATTEST, _TALLEST = 0.65, 1.1
_LEGEND = 0.17  # inches of a line

# Date and program in the metadata would make two equal figures differ.
_METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
}


@dataclass(frozen=True)
class Drawing:
    """A figure that is not written yet.

    Args:
        title: What it shows; above the figure, or its caption in a paper.
        size: Width and height on a screen, in inches.
        paint: Fills an empty figure.
        synthetic: Whether it is of rendered faces, which the figure itself then says.
        below: Lines of a legend, which stands below where the figure is as narrow as a column.
        column_height: Height in inches at the width of a column, of a figure whose rows decide it;
            0: it follows from the width.
        warnings: For the reader of the figure's caption file, such as a licence's terms.
    """

    title: str
    size: tuple[float, float]
    paint: Callable[[Figure], None]
    synthetic: bool = False
    below: int = 0
    column_height: float = 0.0
    warnings: tuple[str, ...] = ()

    def shape(self, width: Width) -> tuple[float, float]:
        """Return width and height in inches."""
        wide, high = self.size
        if not width.paper:
            return wide, high
        if self.column_height:
            return width.inches, self.column_height if narrow(width.inches) else high
        legend = _LEGEND * self.below if narrow(width.inches) else 0.0
        return width.inches, width.inches * min(max(high / wide, _FLATTEST), _TALLEST) + legend

    def caption(self) -> str:
        """Return the text that stands beside the figure: what it shows, and warnings."""
        return "\n".join([self.title, *self.warnings]) + "\n"


def check_target(path: Path) -> None:
    """Check the name of a figure's file before anything is computed.

    Raises:
        SpecError: It does not end in ``.png`` or ``.svg``.
    """
    if path.suffix.lower() not in _METADATA:
        raise SpecError(
            f"a figure's file: found {path}; expected a name that ends in "
            f"{' or '.join(_METADATA)}. Rename it."
        )


def caption_path(path: Path) -> Path:
    """Return the file of a figure's caption."""
    return path.with_suffix(".caption.txt")


def write(drawing: Drawing, path: Path, width: str = "") -> Path:
    """Paint a figure and write it; a caption beside it if it has no title, or warnings.

    Args:
        drawing: The figure.
        path: ``.png`` or ``.svg``; replaced if it exists.
        width: Name of one of :data:`facebench.report.figures.style.WIDTHS`; empty: the screen's.

    Returns:
        ``path``.

    Raises:
        UnknownNameError: There is no such width.
        SpecError: See :func:`check_target`, or the file cannot be written.
        FacebenchError: matplotlib is not installed.
    """
    check_target(path)
    chosen, kind = width_named(width), path.suffix.lower()
    with style(chosen):
        figure = painted(drawing, chosen)
        try:
            with atomic_file(path) as temporary:
                figure.savefig(temporary, format=kind[1:], dpi=chosen.dpi, metadata=_METADATA[kind])
        except OSError as error:
            raise SpecError(f"{path}: cannot be written: {error}. Give another name.") from error
    if chosen.paper or drawing.warnings:
        atomic_write(caption_path(path), drawing.caption())
    return path


def painted(drawing: Drawing, width: Width) -> Figure:
    """Return a figure as it is written; call it in the context of :func:`style`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=drawing.shape(width), layout="constrained")
    if not width.paper:
        longest = characters(figure.get_figwidth(), 9)
        lines = [part for line in drawing.title.splitlines() for part in wrap(line, longest)]
        figure.suptitle("\n".join(lines))
    elif drawing.synthetic:
        figure.suptitle(SYNTHETIC)
    drawing.paint(figure)
    return figure
