"""F1 of each action unit, honest and paper, with intervals and baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facebench.report.figures.drawing import Drawing
from facebench.report.figures.metric_bars import Bars, Ends, paint_bars
from facebench.report.figures.title import check_protocol, figure_title
from facebench.results.record import Record
from facebench.results.scores import KINDS, SHOWN

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def action_bars(record: Record) -> Drawing:
    """Return the metrics of the paper's table: every action unit, and the mean.

    Args:
        record: Record of the result.

    Raises:
        DataError: It is no multilabel result.
    """
    check_protocol(record, "actions", "multilabel")
    columns = record.task.columns
    names, scales = [c.name for c in columns], [c.scale for c in columns]
    floors = {
        name: [s * values[n] for n, s in zip(names, scales, strict=True)]
        for name, values in record.floors.items()
        if all(n in values for n in names)
    }

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        series = []
        for kind in KINDS:
            block = record.scores.of(kind)
            values = [s * block.value(n) for n, s in zip(names, scales, strict=True)]
            ends = [_scaled(block.ends(n), s) for n, s in zip(names, scales, strict=True)]
            series.append(Bars(SHOWN[kind], values, ends))
        paint_bars(axes, [column.title.removesuffix(" (%)") for column in columns], series,
                   floors)  # fmt: skip
        axes.set_ylabel(record.task.main_metric.title)
        axes.set_ylim(bottom=0)

    title = f"{figure_title(record)}\n95 % intervals over subjects"
    return Drawing(
        title, (0.62 * len(columns) + 2.4, 3.4), paint, synthetic=record.task.synthetic, below=4
    )


def _scaled(ends: tuple[float, float] | None, scale: float) -> Ends:
    return (None, None) if ends is None else (scale * ends[0], scale * ends[1])
