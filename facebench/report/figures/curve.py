"""Training curves as a figure: one panel for each kind of quantity."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from facebench.errors import DataError
from facebench.report.curves import KINDS, LOSSES, Curve, History, curves
from facebench.report.figures.drawing import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Speed is a property of the machine, not of the training.
_PANELS = tuple(kind for kind in (LOSSES, *KINDS.values()) if kind != KINDS["images_per_second"])


def draw_curves(path: Path, history: History, title: str) -> None:
    """Draw the losses, their weights, learning rate, gradient norm and feature deviation.

    Args:
        path: ``.png`` or ``.svg``.
        history: A row per epoch, as checkpoints and results keep it.
        title: Title of the figure.

    Raises:
        DataError: The history is empty, because nothing was learned.
        SpecError: See :func:`facebench.report.figures.drawing.draw`, as for the next.
        FacebenchError: matplotlib is not installed.
    """
    by_kind: dict[str, list[Curve]] = {}
    for curve in curves(history):
        by_kind.setdefault(curve.kind, []).append(curve)
    shown = [kind for kind in _PANELS if kind in by_kind]
    if not shown:
        raise DataError(f"{title}: has no training curves, for nothing was learned there.")

    def paint(figure: Figure) -> None:
        figure.suptitle(title, fontsize=9)
        panels = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
        colours: dict[str, str] = {}
        for panel, kind in zip(panels, shown, strict=True):
            _paint_panel(panel, kind, by_kind[kind], colours)
        panels[-1].set_xlabel("epoch", fontsize=9)
        panels[-1].xaxis.get_major_locator().set_params(integer=True)

    draw(path, (6.0, 1.6 * len(shown) + 0.8), paint)


def label(name: str) -> str:
    """Return the name of a curve as a paper sets it: ``weight_L_face`` is the weight of L_face."""
    bare = name.removeprefix("weight_")
    symbol = re.fullmatch(r"([A-Za-z])_([A-Za-z0-9_]+)", bare)
    if symbol is None:
        return bare.replace("_", " ")
    below = symbol[2].replace("_", r"\ ")
    return rf"${symbol[1]}_{{\mathrm{{{below}}}}}$"


def _paint_panel(panel: Axes, kind: str, found: list[Curve], colours: dict[str, str]) -> None:
    """Paint one panel; a loss and its weight have one colour, kept in ``colours``."""
    for curve in found:
        name = label(curve.name)
        colour = colours.setdefault(name, f"C{len(colours)}")
        epochs = range(1, len(curve.values) + 1)
        marker = "." if len(curve.values) <= 30 else ""  # a single epoch is a point, not a line
        panel.plot(epochs, curve.values, color=colour, marker=marker, linewidth=1.2, label=name)
    panel.set_title(kind, fontsize=9, loc="left")
    panel.tick_params(labelsize=8)
    panel.grid(alpha=0.3)
    if len(found) > 1 or kind == LOSSES:
        panel.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
