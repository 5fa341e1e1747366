"""How all figures look: one style file, and the widths of a paper's columns.

The colours, sizes and lines stand in ``facebench.mplstyle`` and nowhere else. A figure for a paper
has the width of a column, smaller text, and no title, which is the caption's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources import files
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from facebench.errors import FacebenchError, UnknownNameError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

STYLE = files("facebench.report.figures").joinpath("facebench.mplstyle")

_LABEL = 46  # characters of a line in a legend below the axes, at most
_LETTER = 0.0083  # inches of a letter for each point of its size, a mean of names and numbers
_MARK = 0.6  # inches of a legend's mark, and of the space around an entry
_BESIDE = 5.0  # inches from which a legend fits beside the axes
_MARKERS = "os^DvPX"  # as many as have no factor in common with the number of colours
_DASHES = ("--", "-.", (0, (6, 1, 1, 1, 1, 1)))


@dataclass(frozen=True)
class Width:
    """A width that figures are drawn for.

    Args:
        inches: Width; 0: that of the figure itself.
        font: Size of text in points; 0: as the style file says.
        dpi: Resolution of a PNG.
    """

    inches: float = 0.0
    font: float = 0.0
    dpi: int = 150

    @property
    def paper(self) -> bool:
        """Whether it is a column of a paper, so that the title is the caption's to say."""
        return self.inches > 0


# cvpr.sty: \textwidth 6.875 in, columns of 3.25 in (author kit, section 3.1). IEEE's graphics
# guide: 3.5 in (21 picas) for one column, 7.16 in (43 picas) for two.
WIDTHS: dict[str, Width] = {
    "screen": Width(),
    "cvpr": Width(3.25, 8.0, 300),
    "cvpr-wide": Width(6.875, 8.0, 300),
    "ieee": Width(3.5, 8.0, 300),
    "ieee-wide": Width(7.16, 8.0, 300),
}


def width_named(name: str) -> Width:
    """Return a width by its name; the screen's for an empty one.

    Raises:
        UnknownNameError: There is no such width.
    """
    if name and name not in WIDTHS:
        raise UnknownNameError("width", name, WIDTHS, where="--width")
    return WIDTHS[name or "screen"]


def style(width: Width) -> AbstractContextManager[None]:
    """Return a context in which figures have the style, whatever the user's matplotlibrc says.

    Raises:
        FacebenchError: matplotlib is not installed.
    """
    try:
        import matplotlib.style
    except ImportError as error:
        raise FacebenchError(
            "drawing a figure needs the package matplotlib: it is not installed; "
            "install facebench[report]."
        ) from error
    text: dict[str, Any] = {}
    if width.font:
        names = ("xtick.labelsize", "ytick.labelsize", "legend.fontsize")
        text = {"font.size": width.font, **dict.fromkeys(names, width.font - 1)}
    return matplotlib.style.context(["default", str(STYLE), text])


def place_legend(axes: Axes, **named: Any) -> None:
    """Place the legend beside the axes, or below the figure where it is narrow."""
    figure: Any = axes.figure
    if small(figure):
        _below(figure, [axes], **named)
    else:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), **named)


def shared_legend(figure: Figure | SubFigure, panels: Iterable[Axes]) -> None:
    """Place one legend for several axes below them, each label once."""
    _below(figure, panels)


def _below(figure: Figure | SubFigure, panels: Iterable[Axes], **named: Any) -> None:
    marks: dict[str, Any] = {}
    for axes in panels:
        for mark, label in zip(*axes.get_legend_handles_labels(), strict=True):
            marks.setdefault(label, mark)
    if marks:
        labels, across = _in_columns([*marks], _inches(figure))
        figure.legend([*marks.values()], labels, loc="outside lower center", ncols=across,
                      **named)  # fmt: skip


def legend_lines(labels: Sequence[str], inches: float) -> int:
    """Return how many lines a legend takes below a figure of a width."""
    broken, across = _in_columns(labels, inches)
    lines = [label.count("\n") + 1 for label in broken]
    down = -(-len(lines) // across)
    return max((sum(lines[at : at + down]) for at in range(0, len(lines), down)), default=0)


def _in_columns(labels: Sequence[str], inches: float) -> tuple[list[str], int]:
    """Return labels in lines as long as a column of the legend, and the number of columns."""
    across = 1 if narrow(inches) and max(map(len, labels)) > _LABEL // 2 else 2
    longest = min(_LABEL, characters(inches / across - _MARK, 7 if narrow(inches) else 8))
    return ["\n".join(wrap(label, longest)) for label in labels], across


def characters(inches: float, points: float) -> int:
    """Return how many characters of a size fit in a line."""
    return max(1, int(inches / (_LETTER * points)))


def line_mark(number: int) -> dict[str, Any]:
    """Return colour and marker of a line; 70 differ, and neighbours without colour, too."""
    return {"color": f"C{number}", "marker": _MARKERS[number % len(_MARKERS)]}


def curve_mark(number: int) -> dict[str, Any]:
    """Return colour and dashes of a curve without markers; 30 differ, neighbours without colour."""
    return {"color": f"C{number}", "linestyle": ("-", *_DASHES)[number % 3]}


def level_mark(number: int) -> dict[str, Any]:
    """Return colour and dashes of a line across; 30 differ."""
    return {"color": f"C{number}", "linestyle": _DASHES[number % len(_DASHES)]}


def small(figure: Figure | SubFigure) -> bool:
    """Return whether a figure is as narrow as a column of a paper."""
    return narrow(_inches(figure))


def _inches(figure: Figure | SubFigure) -> float:
    whole: Any = figure  # a part of a figure has a width, too
    return float(whole.bbox.width / whole.dpi)


def narrow(inches: float) -> bool:
    """Return whether a width has no space for a legend beside the axes."""
    return bool(inches < _BESIDE)


def ink(colour: Sequence[float]) -> str:
    """Return black or white, whichever has the higher contrast on a colour (WCAG 2, 1.4.3).

    Args:
        colour: Red, green and blue of 0 to 1; what follows them is not read.
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "white" if (luminance + 0.05) ** 2 < 1.05 * 0.05 else "black"
