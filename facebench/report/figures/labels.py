"""Learning curves: accuracy against the number of labelled images, by few-shot results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facebench.errors import DataError
from facebench.report.figures.drawing import SYNTHETIC, Drawing
from facebench.report.figures.style import line_mark, place_legend
from facebench.report.figures.title import figure_title, labels_of
from facebench.report.groups import compared_size
from facebench.results.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_APART = 1.3  # a number of labelled images less than so many times another has no space for itself


def label_curves(records: Sequence[Record]) -> Drawing:
    """Return the mean accuracy over draws by the number of labels, with its 95 % interval.

    Args:
        records: Records of results of ``--probe fewshot``, at least one, all of one task and
            condition; one curve for each.

    Raises:
        DataError: There is none, one is of another probe, or they are of several tasks.
    """
    if not records:
        raise DataError("figure labels: found no result; expected one of --probe fewshot or more.")
    for record in records:
        if record.task.protocol[0] != "fewshot":
            raise DataError(
                f"figure labels: found a result of {record.task.title} by another probe; expected "
                "one of --probe fewshot. Evaluate with that."
            )
    conditions = {_condition(record) for record in records}
    if len(conditions) > 1:
        names = " and ".join(sorted(f"{name} (version {v})" for name, v, *_ in conditions))
        raise DataError(
            f"figure labels: found results of {names}, or of other data or sizes; expected those "
            "of one task. Draw one figure for each."
        )

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (record, name) in enumerate(zip(records, labels_of(records), strict=True)):
            _paint_curve(axes, record, number, "" if len(records) == 1 else name)
        for name, values in records[0].floors.items():
            axes.axhline(100 * values["accuracy"], color="0.4", linewidth=1, linestyle="--",
                         label=name)  # fmt: skip
        _mark_numbers(axes, records)
        axes.set_xlabel("labelled training images")
        axes.set_ylabel("mean accuracy (%)\nwith 95 % interval")
        axes.grid(visible=True)
        place_legend(axes)

    first = records[0]
    kind = f", {SYNTHETIC}" if first.task.synthetic else ""
    title = figure_title(first) if len(records) == 1 else f"{first.task.title}, fewshot{kind}"
    return Drawing(title, (7.2, 3.8), paint, synthetic=first.task.synthetic, below=len(records) + 1)


def _condition(record: Record) -> tuple[object, ...]:
    task, limit = record.task, record.spec.limit
    return task.name, task.version, task.synthetic, task.fingerprint, compared_size(record), limit


def _labelled(record: Record) -> dict[str, int]:
    """Return the numbers of labelled images, by the names of the accuracies."""
    found: dict[str, int] = record.details.plain()["labelled"]
    return found


def _mark_numbers(axes: Axes, records: Sequence[Record]) -> None:
    """Mark the numbers of labelled images that have a point, but for those too near to another."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    marked = list[int]()
    for number in sorted({number for record in records for number in _labelled(record).values()}):
        if not marked or number >= _APART * marked[-1]:
            marked.append(number)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(marked))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _paint_curve(axes: Axes, record: Record, number: int, name: str) -> None:
    """Paint one curve; one that is alone needs no name, and has its numbers of labels."""
    labelled, mark = _labelled(record), line_mark(number)
    names = sorted(labelled, key=lambda name: labelled[name])
    block = record.scores.honest
    values = [100 * block.value(name) for name in names]
    ends = [block.ends(name) or (float("nan"),) * 2 for name in names]
    places = [labelled[name] for name in names]
    axes.plot(places, values, **mark, label=name or "mean over draws")
    low, high = ([100 * end[side] for end in ends] for side in (0, 1))
    axes.fill_between(places, low, high, color=mark["color"], alpha=0.15, linewidth=0)
    if not name:
        for key, place, value in zip(names, places, values, strict=True):
            share = key.removeprefix("accuracy_")
            percent = share.endswith("_percent")
            text = share.replace("_percent", " %") if percent else f"{share} per class"
            side = "right" if place == places[-1] else "left"
            axes.annotate(text, (place, value), textcoords="offset points", xytext=(0, -12),
                          ha=side, fontsize="x-small")  # fmt: skip
