"""Learning curve of the paper's probe on the test side, beside the honest score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facebench.errors import DataError
from facebench.report.figures.drawing import Drawing
from facebench.report.figures.style import place_legend
from facebench.report.figures.title import figure_title
from facebench.results.probe_curve import ProbeCurve, probe_curve
from facebench.results.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def probe_epochs(record: Record) -> Drawing:
    """Return the test score after each epoch, the epochs that are reported, and the honest score.

    Args:
        record: Record of the result.

    Raises:
        DataError: No probe was trained in epochs (pairs compared by cosine, a few labels).
    """
    curve = probe_curve(record)
    if curve is None:
        raise DataError(_untrained(record))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        _paint_curve(axes, curve, _scale(record, curve))
        _paint_honest(axes, record, curve)
        axes.set_xlabel("epoch of the paper's probe")
        axes.set_ylabel(record.task.main_metric.title)
        axes.grid(visible=True)
        place_legend(axes)

    return Drawing(
        figure_title(record), (7.2, 3.4), paint, synthetic=record.task.synthetic, below=6
    )


def _untrained(record: Record) -> str:
    """Return why a result has no curve, and what to do."""
    title, protocol = record.task.title, record.task.protocol[0]
    if protocol == "verification":
        return (
            f"figure probe: no probe was trained for {title}, where pairs are compared by cosine; "
            "expected a trained one. Draw figure roc instead, or run with "
            "--set probe.verification=learned."
        )
    return (
        f"figure probe: found a result of {title} by {protocol}, which trains nothing in epochs; "
        "expected one of a linear probe. Run it with --probe linear."
    )


def _paint_curve(axes: Axes, curve: ProbeCurve, scale: float) -> None:
    values = scale * curve.values
    epochs = range(1, values.shape[1] + 1)
    folded = len(values) > 1
    for row in values if folded else ():
        axes.plot(epochs, row, color="C1", linewidth=0.6, alpha=0.4)
    axes.plot(epochs, values.mean(0), color="C1", marker="." if len(epochs) < 30 else "",
              label="test side, mean of folds" if folded else "test split")  # fmt: skip
    if curve.best_epochs:
        rows = enumerate(curve.best_epochs)
        axes.plot(curve.best_epochs, [values[row, epoch - 1] for row, epoch in rows], "o",
                  color="C3", label="test-selected: best test epoch")  # fmt: skip


def _paint_honest(axes: Axes, record: Record, curve: ProbeCurve) -> None:
    scale, honest = _scale(record, curve), record.scores.honest
    ends = honest.ends(curve.metric)
    axes.axhline(scale * honest.value(curve.metric), color="C0",
                 label="validated, with 95 % interval")  # fmt: skip
    if ends is not None:
        axes.axhspan(scale * ends[0], scale * ends[1], color="C0", alpha=0.12, linewidth=0)
    for style, (name, values) in zip(("--", ":"), record.floors.items(), strict=False):
        if curve.metric in values:
            axes.axhline(scale * values[curve.metric], color="0.4", linewidth=1, linestyle=style,
                         label=name)  # fmt: skip


def _scale(record: Record, curve: ProbeCurve) -> float:
    metric = record.task.main_metric
    return metric.scale if metric.name == curve.metric else 1.0
