"""Compares stored scores with those computed from the stored predictions.

The first value of a difference is the stored one, the second the computed one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

import numpy as np
import pandas as pd

from facebench.evaluation.protocols.rescoring import (
    Judged,
    leak_free_from_predictions,
    recorded_protocol,
    scores_from_predictions,
)
from facebench.results.probe_curve import ProbeCurve, probe_curve
from facebench.results.record import Record
from facebench.results.scores import KINDS, Scores
from facebench.runtime.differences import MISSING, Difference, differences

TOLERANCE = 1e-9  # sums in another order, on another machine


def recomputed(
    record: Record, predictions: pd.DataFrame, *, ignore: Set[str] = frozenset()
) -> Iterator[Difference]:
    """Yield every score, interval and detail that does not follow from the predictions.

    A score that the protocol does not compute is one of them, so none is left unchecked.

    Args:
        record: Record of the result.
        predictions: All predictions of the result.
        ignore: Names of keys to ignore at any level.

    Raises:
        DataError: They cannot be scored.
    """
    name, scores = record.task.protocol[0], record.scores.plain()
    protocol = recorded_protocol(name)
    judged = Judged(name, scores, record.spec.probe.resamples)
    stored = {
        kind: {
            name: value for name, value in scores[kind].items() if name not in protocol.monitored
        }
        for kind in KINDS
    }
    found = scores_from_predictions(judged, predictions)
    yield from differences(stored, found, tolerance=TOLERANCE, key="scores", ignore=ignore)
    if record.drawn_alike and not record.scores.names_what_it_removed:
        for level in record.scores.levels():
            key = f"scores.without_leaks.{level}.removed_rows"
            yield Difference(key, MISSING, "the rows that were left out")
    if record.scores.names_what_it_removed:
        yield from differences(
            scores["without_leaks"], leak_free_from_predictions(judged, predictions),
            tolerance=TOLERANCE, key="scores.without_leaks", ignore={"removed_rows", *ignore},
        )  # fmt: skip
    details = record.details.plain()
    for name, value in protocol.rescored_details(details, predictions).items():
        yield from differences(details[name], value, tolerance=TOLERANCE, key=f"details.{name}")


def monitored(record: Record) -> Iterator[Difference]:
    """Yield inconsistencies between the curve of the paper's probe and its scores."""
    curve = probe_curve(record)
    if curve is None:
        return
    paper, probe = record.scores.paper.plain(), record.spec.probe
    by_fold = f"{curve.metric}_by_fold"
    reached = paper[by_fold] if by_fold in paper else [paper[curve.metric]]
    shape = [len(reached), probe.epochs if curve.best_epochs else probe.pair_epochs]
    size = list(curve.values.shape)
    yield from differences(size, shape, key=f"scores.paper.{curve.key}, size")
    if size == shape:
        stored = _stated(curve, paper)
        yield from differences(
            stored, _followed(curve, stored), tolerance=TOLERANCE, key="scores.paper"
        )


def interval_violations(scores: Scores) -> Iterator[Difference]:
    """Yield the scores that lie outside their own interval, with the interval as second value."""
    for place, blocks in scores.places():
        for kind in KINDS:
            block = blocks.of(kind).plain()
            for name, ends in block["intervals"].items():
                value = block.get(name)
                if not _inside(value, ends):
                    yield Difference(f"{place}.{kind}.{name}", value, f"a value in {ends}")


def _stated(curve: ProbeCurve, paper: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the paper's scores say about the epochs."""
    names: tuple[str, ...] = (
        curve.metric, f"{curve.metric}_by_fold", f"{curve.metric}_last_epoch",
        "best_epoch", "best_epoch_by_fold",
    )  # fmt: skip
    if not curve.best_epochs:
        names = (f"{curve.metric}_by_fold",)
    return {name: paper[name] for name in names if name in paper}


def _followed(curve: ProbeCurve, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same as it follows from the curve."""
    last = curve.values[:, -1]
    if not curve.best_epochs:
        return {f"{curve.metric}_by_fold": last.tolist()}
    best = (curve.values if curve.higher_is_better else -curve.values).argmax(1)  # the first best
    reached = curve.values[np.arange(len(best)), best]
    follows = {
        curve.metric: float(reached.mean()),
        f"{curve.metric}_by_fold": reached.tolist(),
        f"{curve.metric}_last_epoch": float(last.mean()),
        "best_epoch": int(best[0]) + 1,
        "best_epoch_by_fold": (best + 1).tolist(),
    }
    return {name: value for name, value in follows.items() if name in stated}


def _inside(value: Any, ends: list[Any]) -> bool:
    """Whether a score, or each of several, lies in its interval; an undefined one does."""
    if isinstance(value, list):
        return len(value) == len(ends[0]) == len(ends[1]) and all(
            _inside(one, [low, high]) for one, low, high in zip(value, *ends, strict=True)
        )
    if value is None or None in ends:
        return value is None or ends == [None, None]
    return bool(ends[0] - TOLERANCE <= value <= ends[1] + TOLERANCE)
