"""Confusion matrix of a classification result: true classes down, predicted ones across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from facebench.protocol import ScoreKind
from facebench.report.figures.drawing import Drawing
from facebench.report.figures.style import ink, small
from facebench.report.figures.title import check_protocol, figure_title
from facebench.results.record import Record
from facebench.results.scores import shown_kind

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion_matrix(record: Record, classes: Sequence[str], kind: ScoreKind) -> Drawing:
    """Return shares of each true class, in percent; below each, the number of images.

    Args:
        record: Record of the result.
        classes: Names in label order; numbers are used if they do not fit.
        kind: Kind of predictions, ``honest`` or ``paper``.

    Raises:
        DataError: It is no classification result.
    """
    check_protocol(record, "confusion", "classification", "knn", "centroid", "weighted")
    block = record.scores.of(kind)
    counts = np.asarray(block.value("confusion"), dtype=np.int64)  # [C, C]
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    number = len(counts)
    names = list(classes) if len(classes) == number else [str(n) for n in range(number)]

    def paint(figure: Figure) -> None:
        axes, size = figure.subplots(), "small" if small(figure) else "medium"
        image = axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
        for down in range(number):
            for across in range(number):
                colour = ink(image.cmap(shares[down, across]))
                place: dict[str, Any] = {"ha": "center", "color": colour}
                share = f"{100 * shares[down, across]:.0f}" if totals[down, 0] else "–"
                axes.text(across, down - 0.05, share, va="bottom", fontsize=size, **place)
                axes.text(across, down + 0.1, f"{counts[down, across]:,}", va="top",
                          fontsize="x-small", **place)  # fmt: skip
        axes.set_xticks(range(number), names, rotation=45, ha="right")
        axes.set_yticks(range(number), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        figure.colorbar(image, ax=axes, label="% of the true class", shrink=0.8)

    accuracy = f"accuracy {100 * block.value('accuracy'):.2f} %"
    title = f"{figure_title(record)}\n{shown_kind(kind, record.task.protocol[0])}, {accuracy}"
    side = 0.55 * number + 1.8
    return Drawing(title, (side + 0.9, side), paint, synthetic=record.task.synthetic)
