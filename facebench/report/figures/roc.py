"""ROC and DET curves of verification results, from their stored similarities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy
from sklearn.metrics import det_curve, roc_curve

from facebench.errors import DataError
from facebench.evaluation.metrics.pair_ranking import FARS
from facebench.protocol import ScoreKind
from facebench.report.figures.drawing import Drawing
from facebench.report.figures.style import curve_mark, place_legend, small
from facebench.report.figures.title import (
    check_one_group,
    check_protocol,
    result_names,
    several_title,
)
from facebench.results.scores import SHOWN
from facebench.results.stats.statistics import intervals
from facebench.results.store import Result
from facebench.task import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AREA = Metric(name="roc_auc", title="AUC", higher_is_better=True)
_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)  # of a DET curve
_MARKS = f"; marks: TAR at FAR {', '.join(f'{rate:g}' for rate in FARS)}"
_MARKERS = ("o", "s", "D", "^", "v")


def roc_curves(results: Sequence[Result], kind: ScoreKind, *, log: bool) -> Drawing:
    """Return true over false acceptance rates, with a mark at each stored TAR@FAR.

    Of a single result on a linear axis the operating point of each fold's threshold is shown, too.

    Args:
        results: Results with their predictions, at least one, of one group of comparable ones.
        kind: Kind of similarities and decisions, ``honest`` or ``paper``.
        log: Whether false acceptance rates are on a logarithmic axis, from one different pair on.

    Raises:
        DataError: One is no verification result, or they are not comparable.
        StageError: Predictions are missing.
    """
    _check("roc", results)
    curves, lowest = _curves(results, kind), 1 / _different(results)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for place, curve in enumerate(curves):
            _paint_roc(axes, curve, place, named=len(curves) > 1)
        rates = np.geomspace(1e-6, 1, 200) if log else np.array([0.0, 1.0])
        axes.plot(rates, rates, color="0.6", linewidth=0.8, linestyle=":", label="chance")
        if len(curves) == 1 and not log:
            _paint_folds(axes, curves[0])
        if log:
            axes.set_xscale("log")
            axes.set_xlim(lowest, 1.1)
        else:
            axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        axes.set_xlabel("false acceptance rate")
        axes.set_ylabel("true acceptance rate")
        axes.grid(visible=True)
        _legend(axes, "lower right", alone=len(results) == 1)

    size = (4.8, 4.9) if len(results) == 1 else (7.4, 4.4)
    return Drawing(
        _title(results, kind, _MARKS), size, paint,
        synthetic=results[0].record.task.synthetic, below=len(results) + 4,
    )  # fmt: skip


def det_curves(results: Sequence[Result], kind: ScoreKind) -> Drawing:
    """Return false rejection over false acceptance rates, both on a normal deviate scale.

    Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997. A
    mark stands where both rates are equal.

    Args:
        results: Results with their predictions, at least one, of one group of comparable ones.
        kind: Kind of similarities, ``honest`` or ``paper``.

    Raises:
        DataError: One is no verification result, or they are not comparable.
        StageError: Predictions are missing.
    """
    _check("det", results)
    curves = _curves(results, kind)
    low = _probit([max(0.5 / _different(results), 1e-4)])[0]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for place, curve in enumerate(curves):
            _paint_det(axes, curve, place, named=len(curves) > 1)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(_probit(_TICKS), [f"{100 * tick:g}" for tick in _TICKS])
        axes.set_xlim(low, _probit([0.97])[0])
        axes.set_ylim(low, _probit([0.97])[0])
        axes.set_xlabel("false acceptance rate (%)")
        axes.set_ylabel("false rejection rate (%)")
        axes.grid(visible=True)
        _legend(axes, "upper right", alone=len(results) == 1)

    size = (4.8, 4.9) if len(results) == 1 else (7.4, 4.4)
    return Drawing(
        _title(results, kind, "; marks: equal error rate"), size, paint,
        synthetic=results[0].record.task.synthetic, below=len(results),
    )  # fmt: skip


@dataclass(frozen=True)
class _Curve:
    """What is drawn of one result.

    Args:
        name: Name that tells it from the others.
        pairs: Its predictions.
        similarity: Column of the similarities that count.
        area: AUC with its 95 % interval, as text.
        accepted: TAR at each of ``FARS``, as stored.
        kind: Kind of the decisions.
        accuracy: Their accuracy, 0..1.
    """

    name: str
    pairs: pd.DataFrame
    similarity: str
    area: str
    accepted: tuple[float, ...]
    kind: ScoreKind
    accuracy: float


def _curves(results: Sequence[Result], kind: ScoreKind) -> list[_Curve]:
    names = result_names(results)
    found = []
    for name, result in zip(names, results, strict=True):
        block = result.scores.of(kind)
        low, high = intervals([result], [_AREA], kind)["roc_auc"] or (nan, nan)  # as in tables
        found.append(
            _Curve(
                name=name,
                pairs=result.predictions,
                similarity=f"{kind}_similarity",
                area=f"AUC {block.value('roc_auc'):.3f} ({low:.3f} to {high:.3f})",
                accepted=tuple(block.value(f"tar_at_far_{rate:g}") for rate in FARS),
                kind=kind,
                accuracy=block.value("accuracy"),
            )
        )
    return found


def _paint_roc(axes: Axes, curve: _Curve, place: int, *, named: bool) -> None:
    colour = f"C{place}"
    same, scores = curve.pairs["same"], curve.pairs[curve.similarity]
    far, tar, _ = roc_curve(same, scores, drop_intermediate=False)
    label = f"{curve.name}, {curve.area}" if named else curve.area
    axes.plot(far, tar, label=label, **curve_mark(place))
    for marker, rate, accepted in zip(_MARKERS, FARS, curve.accepted, strict=False):
        said = None if named else f"TAR {100 * accepted:.1f} % at FAR {rate:g}"
        axes.plot([rate], [accepted], marker, color=colour, markerfacecolor="white", label=said)


def _paint_det(axes: Axes, curve: _Curve, place: int, *, named: bool) -> None:
    far, frr, _ = det_curve(curve.pairs["same"], curve.pairs[curve.similarity])
    equal = float(far[np.argmin(np.abs(far - frr))])
    rate = f"EER {100 * equal:.1f} %"
    seen = (far > 0) & (frr > 0) & (far < 1) & (frr < 1)  # others are infinitely far away
    axes.plot(_probit(far[seen]), _probit(frr[seen]),
              label=f"{curve.name}, {rate}" if named else rate, **curve_mark(place))  # fmt: skip
    axes.plot(_probit([equal]), _probit([equal]), _MARKERS[place % 5], color=f"C{place}")


def _paint_folds(axes: Axes, curve: _Curve) -> None:
    """Mark the operating point of each fold's threshold."""
    rates = curve.pairs.groupby(["fold", "same"])[curve.kind].mean().unstack()  # acceptance rate
    axes.plot(rates[False], rates[True], "o", color="C1", alpha=0.8,
              label=f"folds, accuracy {100 * curve.accuracy:.2f} %")  # fmt: skip
    axes.set_aspect("equal")


def _legend(axes: Axes, inside: Any, *, alone: bool) -> None:
    figure: Any = axes.figure
    if alone and not small(figure):
        axes.legend(loc=inside)
    else:
        place_legend(axes)


def _title(results: Sequence[Result], kind: ScoreKind, marks: str) -> str:
    variant, pairs = results[0].scores.of(kind).value("variant"), results[0].record.n_scored
    first = several_title([result.record for result in results])
    return f"{first}\n{SHOWN[kind]} ({variant}), {pairs:,} pairs{marks}"


def _check(figure: str, results: Sequence[Result]) -> None:
    if not results:
        raise DataError(f"figure {figure}: found no result; expected one of pairs or more.")
    for result in results:
        check_protocol(result.record, figure, "verification")
    check_one_group(figure, results)


def _different(results: Sequence[Result]) -> int:
    """Return the most different pairs of a result: one of them is the smallest rate there is."""
    return max(int((~result.predictions["same"]).sum()) for result in results)


def _probit(rates: Any) -> Any:
    return scipy.stats.norm.ppf(np.asarray(rates, dtype=np.float64))
