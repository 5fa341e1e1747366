"""The heat map of a disentanglement report: features down, factors across, 0 is the baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from facebench.report.figures.drawing import SYNTHETIC, Drawing
from facebench.synth.factor_faces import FACTORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_METRICS = {"accuracy": "accuracy", "AUC": "mean AUC", "R2": "$R^2$"}
_LIGHT = 0.55  # above this a cell is dark, and its text white


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
                dark = colours[down, across] > _LIGHT
                _write(axes, across, down, _held(row, name), "white" if dark else "black")
        _label(axes, record)
        bar = figure.colorbar(image, ax=axes, ticks=[0, 0.5, 1], pad=0.14)
        bar.ax.set_yticklabels(["baseline", "half", "perfect"])

    faces = record["faces"]
    title = (
        "What a linear model reads from each feature: 0 is the baseline, 1 perfect\n"
        f"{faces['images']:,} {SYNTHETIC} of {faces['persons']:,} persons, "
        "95 % intervals over persons"
    )
    size = (1.1 * len(FACTORS) + 3.9, 0.62 * len(rows) + 1.6)
    return Drawing(title, size, paint, synthetic=True, column_height=size[1])


def _held(row: dict[str, Any], name: str) -> dict[str, Any]:
    held: dict[str, Any] = row["scores"]["factors"][name]["held"]
    return held


def _write(axes: Axes, across: int, down: int, held: dict[str, Any], colour: str) -> None:
    value, (low, high) = held["value"], held["interval"]
    if None in (value, low, high):
        return
    ends = f"{low:.2f} to {high:.2f}"
    lines = ((down - 0.1, f"{value:.2f}", "large"), (down + 0.24, ends, "x-small"))
    for height, text, size in lines:
        axes.text(across, height, text, ha="center", va="center", fontsize=size, color=colour)


def _label(axes: Axes, record: dict[str, Any]) -> None:
    rows = record["rows"]
    first = rows[0]["scores"]["factors"]
    titles = [record["methods"][row["method"]]["title"] for row in rows]
    below = [f"{name}\n{_METRICS[first[name]['metric']]}" for name in FACTORS]
    axes.set_xticks(range(len(FACTORS)), below)
    axes.set_yticks(
        range(len(rows)),
        [f"{title}  {row['feature']}" for title, row in zip(titles, rows, strict=True)],
    )
    axes.tick_params(length=0, top=False)
    beside = len(FACTORS) - 0.4
    axes.text(beside, -0.62, "identity − pose", va="bottom")
    for down, row in enumerate(rows):
        difference = row["scores"]["identity_minus_pose"]["value"]
        if difference is not None:
            axes.text(
                beside, down, f"{difference:+.2f}".replace("-", "−"), va="center", fontsize="large"
            )
