"""Training curves as a figure: one panel for each kind of quantity."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from facebench.errors import DataError
from facebench.report.curves import KINDS, LOSSES, Curve, History, curves
from facebench.report.figures.drawing import Drawing
from facebench.report.figures.style import small

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Speed is a property of the machine, not of the training.
_PANELS = tuple(kind for kind in (LOSSES, *KINDS.values()) if kind != KINDS["images_per_second"])


def training_curves(history: History, title: str) -> Drawing:
    """Return the losses, their weights, learning rate, gradient norm and feature deviation.

    Args:
        history: A row per epoch, as checkpoints and results keep it.
        title: Title of the figure.

    Raises:
        DataError: The history is empty, because nothing was learned.
    """
    by_kind: dict[str, list[Curve]] = {}
    for curve in curves(history):
        by_kind.setdefault(curve.kind, []).append(curve)
    shown = [kind for kind in _PANELS if kind in by_kind]
    if not shown:
        raise DataError(f"{title}: has no training curves, for nothing was learned there.")

    def paint(figure: Figure) -> None:
        panels = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
        colours: dict[str, str] = {}
        for panel, kind in zip(panels, shown, strict=True):
            _paint_panel(panel, kind, by_kind[kind], colours)
        panels[-1].set_xlabel("epoch")
        if max(len(curve.values) for of_kind in by_kind.values() for curve in of_kind) == 1:
            panels[-1].set_xticks([1])  # parts of an epoch are none
        else:
            panels[-1].xaxis.get_major_locator().set_params(integer=True)

    high = 1.6 * len(shown) + 0.8
    return Drawing(title, (6.0, high), paint, column_height=high)


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
        # A single epoch is a point, not a line.
        marker = "o" if len(curve.values) == 1 else "." if len(curve.values) <= 30 else ""
        panel.plot(epochs, curve.values, color=colour, marker=marker, label=name)
    panel.set_title(kind, loc="left")
    panel.grid(visible=True)
    if len(found) > 1 or kind == LOSSES:
        if small(panel.figure):  # each panel has its own, and beside it is no space
            panel.legend(loc="best", ncols=2, handlelength=1)
        else:
            panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
