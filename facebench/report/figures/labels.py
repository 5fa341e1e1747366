"""Learning curves: accuracy against the number of labelled images, by few-shot results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facebench.errors import DataError
from facebench.report.figures.drawing import draw
from facebench.report.figures.title import check_protocol, figure_title
from facebench.report.groups import compared_size, learned_from
from facebench.results.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_learning_curves(path: Path, records: Sequence[Record]) -> None:
    """Draw the mean accuracy over draws by the number of labels, with its 95 % interval.

    Args:
        path: ``.png`` or ``.svg``.
        records: Records of results of ``--probe fewshot``, at least one, all of one task and
            condition; one curve for each.

    Raises:
        DataError: There is none, one is of another probe, or they are of several tasks.
        SpecError: See :func:`facebench.report.figures.drawing.draw`, as for the next.
        FacebenchError: matplotlib is not installed.
    """
    if not records:
        raise DataError("figure labels: found no result; expected one of --probe fewshot or more.")
    for record in records:
        check_protocol(record, "labels", "fewshot")
    conditions = {_condition(record) for record in records}
    if len(conditions) > 1:
        names = " and ".join(sorted(f"{name} (version {v})" for name, v, *_ in conditions))
        raise DataError(
            f"figure labels: found results of {names}, or of other data or sizes; expected those "
            "of one task. Draw one figure for each."
        )

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for number, record in enumerate(records):
            _paint_curve(axes, record, f"C{number % 10}", alone=len(records) == 1)
        for name, values in records[0].floors.items():
            axes.axhline(100 * values["accuracy"], color="0.4", linewidth=1, linestyle="--",
                         label=name)  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlabel("labelled training images", fontsize=9)
        axes.set_ylabel("accuracy (%), mean over draws, with 95 % interval", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3, which="both")
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        first = records[0]
        kind = ", SYNTHETIC faces" if first.task.synthetic else ""
        title = figure_title(first) if len(records) == 1 else f"{first.task.title}, fewshot{kind}"
        axes.set_title(title, fontsize=9)

    draw(path, (7.2, 3.8), paint)


def _condition(record: Record) -> tuple[object, ...]:
    task = record.task
    return task.name, task.version, task.synthetic, task.fingerprint, compared_size(record)


def _paint_curve(axes: Axes, record: Record, colour: str, *, alone: bool) -> None:
    labelled = record.details.plain()["labelled"]
    names = sorted(labelled, key=lambda name: labelled[name])
    block = record.scores.honest
    values = [100 * block.value(name) for name in names]
    ends = [block.ends(name) or (float("nan"),) * 2 for name in names]
    places = [labelled[name] for name in names]
    who = f"{record.method.title} {record.spec.extract.feature}, seed {record.spec.seed}"
    label = "mean over draws" if alone else f"{who}\n{record.spec.backbone}{learned_from(record)}"
    axes.plot(places, values, "o-", color=colour, markersize=4, linewidth=1.4, label=label)
    low, high = ([100 * end[side] for end in ends] for side in (0, 1))
    axes.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    if alone:
        for name, place, value in zip(names, places, values, strict=True):
            text = name.removeprefix("accuracy_").replace("_percent", " %")
            axes.annotate(text, (place, value), textcoords="offset points", xytext=(4, -10),
                          fontsize=7)  # fmt: skip
