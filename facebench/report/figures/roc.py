"""ROC curve of a verification result, from its stored similarities."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from sklearn.metrics import roc_curve

from facebench.protocol import ScoreKind
from facebench.report.figures.drawing import draw
from facebench.report.figures.title import check_protocol, figure_title
from facebench.results.scores import SHOWN
from facebench.results.store import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_roc(path: Path, result: Result, kind: ScoreKind) -> None:
    """Draw true over false acceptance rate, with the operating point of each fold's threshold.

    Args:
        path: ``.png`` or ``.svg``.
        result: Result with its predictions.
        kind: Kind of similarities and decisions, ``honest`` or ``paper``.

    Raises:
        DataError: It is no verification result.
        StageError: Its predictions are missing.
        SpecError: See :func:`facebench.report.figures.drawing.draw`, as for the next.
        FacebenchError: matplotlib is not installed.
    """
    record = result.record
    check_protocol(record, "roc", "verification")
    pairs, block = result.predictions, record.scores.of(kind)
    far, tar, _ = roc_curve(pairs["same"], pairs[f"{kind}_similarity"], drop_intermediate=False)
    rates = pairs.groupby(["fold", "same"])[kind].mean().unstack()  # acceptance rate
    low, high = block.ends("roc_auc") or (nan, nan)
    area, accuracy, variant = map(block.value, ("roc_auc", "accuracy", "variant"))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        label = f"AUC {area:.3f} ({low:.3f} to {high:.3f})"
        axes.plot(far, tar, color="C0", linewidth=1.4, label=label)
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="--", label="chance")
        axes.plot(rates[False], rates[True], "o", color="C1", markersize=4, alpha=0.8,
                  label=f"folds, accuracy {100 * accuracy:.2f} %")  # fmt: skip
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        axes.set_aspect("equal")
        axes.set_xlabel("false acceptance rate", fontsize=9)
        axes.set_ylabel("true acceptance rate", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="lower right")
        axes.set_title(
            f"{figure_title(record)}\n{SHOWN[kind]} ({variant}), {len(pairs):,} pairs", fontsize=9
        )

    draw(path, (4.8, 4.9), paint)
