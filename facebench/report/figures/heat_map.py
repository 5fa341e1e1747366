"""The heat map of a disentanglement report: features down, factors across, 0 is the baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from facebench.report import signed
from facebench.report.figures.drawing import SYNTHETIC, Drawing
from facebench.report.figures.style import ink, small
from facebench.synth.factor_faces import FACTORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_METRICS = {"accuracy": "accuracy", "AUC": "mean AUC", "R2": "$R^2$"}


def heat_map(record: dict[str, Any]) -> Drawing:
    """Return how much of each factor each feature contains, with intervals.

    A cell is (score - baseline) / (1 - baseline), so that colours are comparable across metrics.

    Args:
        record: Record of a :class:`facebench.disentangle.disentanglement.Disentanglement`.
    """
    rows = record["rows"]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        held = [[_held(row, name)["value"] for name in FACTORS] for row in rows]
        colours = np.clip(np.array(held, dtype=float), 0, 1)  # a null becomes NaN, without colour
        image = axes.imshow(colours, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for down, row in enumerate(rows):
            for across, name in enumerate(FACTORS):
                on = ink(image.cmap(colours[down, across]))
                _write(axes, across, down, _held(row, name), on)
        _label(axes, record)
        beside: dict[str, Any] = {"location": "bottom", "aspect": 40} if small(figure) else {}
        bar = figure.colorbar(image, ax=axes, ticks=[0, 0.5, 1], **beside)
        bar.set_ticklabels(["baseline", "half", "perfect"])

    faces = record["faces"]
    title = (
        "What a linear model reads from each feature: 0 is the baseline, 1 perfect\n"
        f"{faces['images']:,} {SYNTHETIC} of {faces['persons']:,} persons, "
        "95 % intervals over persons"
    )
    size = (1.1 * len(FACTORS) + 3.9, 0.62 * len(rows) + 1.6)
    column = 0.52 * len(rows) + 2.1
    return Drawing(title, size, paint, synthetic=True, column_height=column)


def _held(row: dict[str, Any], name: str) -> dict[str, Any]:
    held: dict[str, Any] = row["scores"]["factors"][name]["held"]
    return held


def _write(axes: Axes, across: int, down: int, held: dict[str, Any], colour: str) -> None:
    value, (low, high) = held["value"], held["interval"]
    if None in (value, low, high):
        return
    # A column of a paper has space for an end of the interval in a line, not for both.
    narrow = small(axes.figure)
    ends = f"{low:.2f} to\n{high:.2f}" if narrow else f"{low:.2f} to {high:.2f}"
    sizes = ("small", "xx-small") if narrow else ("large", "x-small")
    places = (down - 0.22, down + 0.2) if narrow else (down - 0.1, down + 0.24)
    for height, text, size in zip(places, (f"{value:.2f}", ends), sizes, strict=True):
        axes.text(across, height, text, ha="center", va="center", fontsize=size, color=colour)


def _label(axes: Axes, record: dict[str, Any]) -> None:
    narrow, rows = small(axes.figure), record["rows"]
    first = rows[0]["scores"]["factors"]
    titles = [record["methods"][row["method"]]["title"] for row in rows]
    between = ", " if narrow else "\n"
    below = [f"{name}{between}{_METRICS[first[name]['metric']]}" for name in FACTORS]
    axes.set_xticks(range(len(FACTORS)), below)
    if narrow:
        axes.tick_params(axis="x", labelrotation=90)
    apart = "\n" if narrow else "  "
    axes.set_yticks(
        range(len(rows)),
        [f"{title}{apart}{row['feature']}" for title, row in zip(titles, rows, strict=True)],
    )
    axes.tick_params(length=0, top=False)
    # Labels of an axis on the right, unlike texts beside the axes, push the colour bar away.
    other = axes.twinx()
    other.set_ylim(axes.get_ylim())
    found = [row["scores"]["identity_minus_pose"]["value"] for row in rows]
    shown = ["" if d is None else signed(d) for d in found]
    other.set_yticks(range(len(rows)), shown)
    other.tick_params(length=0, labelsize="medium" if narrow else "large")
    other.set_ylabel("identity − pose")
