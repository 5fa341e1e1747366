"""Error of head poses for frontal, half-profile and profile faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facebench.errors import DataError
from facebench.evaluation.protocols.regression import yaw_intervals
from facebench.protocol import ScoreKind
from facebench.report.figures.drawing import Drawing
from facebench.report.figures.metric_bars import Bars, paint_bars
from facebench.report.figures.title import check_protocol, figure_title
from facebench.results.scores import SHOWN
from facebench.results.store import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def errors_by_yaw(result: Result, kind: ScoreKind) -> Drawing:
    """Return the mean absolute error of each angle, in degrees, by range of true yaw.

    Intervals are over the images of each range, on the draws of the stored scores.

    Args:
        result: The result.
        kind: Kind of predictions, ``honest`` or ``paper``.

    Raises:
        DataError: It is no regression result, or yaw is none of its targets.
        StageError: Its predictions are missing.
    """
    record = result.record
    check_protocol(record, "yaw", "regression")
    if record.details.errors_by_yaw is None:
        raise DataError(
            f"figure yaw: {record.task.title} has no yaw; expected a result of head poses. "
            "Give another result."
        )
    ranges = record.details.errors_by_yaw[kind]
    metrics = [column.name for column in record.task.columns]
    ends = yaw_intervals(result.predictions, kind)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        titles = [f"{part.start} to {part.to}°\n{part.n:,} images" for part in ranges]
        paint_bars(axes, titles, [Bars(_name(m), [_degrees(p.value(m)) for p in ranges], ends[m])
                                  for m in metrics], {})  # fmt: skip
        axes.set_xlabel("|true yaw|")
        axes.set_ylabel("mean absolute error (degrees)")
        axes.set_ylim(bottom=0)

    error = record.scores.of(kind).value("mae")
    title = f"{figure_title(record)}\n{SHOWN[kind]}, MAE {error:.2f}°; 95 % intervals over images"
    return Drawing(title, (6.0, 3.6), paint, synthetic=record.task.synthetic, below=4)


def _name(metric: str) -> str:
    return "mean" if metric == "mae" else metric.removeprefix("mae_")


def _degrees(value: float | None) -> float:
    return float("nan") if value is None else value
