"""Scores of results on draws of the test items that they have in common."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from facebench.errors import DataError, FacebenchError, StageError
from facebench.evaluation.protocols.rescoring import recorded_protocol
from facebench.evaluation.resampling import draws, measure, undrawn
from facebench.evaluation.units import Units, units
from facebench.results.stats.common_items import aligned, items_digest, restricted
from facebench.results.stats.decisions import decided, right
from facebench.results.stats.kept_draws import (
    Drawing,
    Resampled,
    draws_key,
    read_draws,
    write_draws,
)
from facebench.results.store import Result
from facebench.runtime.kept_values import can_keep, is_kept
from facebench.runtime.pool import TOGETHER, computed, worth_starting

_log = logging.getLogger(__name__)


def resampled(results: Sequence[Result], drawing: Drawing) -> list[Resampled]:
    """Return the scores of results on the same draws of the items that all of them scored.

    What was computed once is kept in the cache, by the digests of the predictions.

    Raises:
        StageError: Predictions are missing, or they are not of one test set, or a metric cannot be
            computed from them.
    """
    found = [_of_one(result, drawing) for result in results]
    of_items: dict[str, Result] = {}  # the first result of each list of items
    for one, result in zip(found, results, strict=True):
        of_items.setdefault(one.items, result)
    if len(of_items) > 1:
        common = _Items.of(aligned(list(of_items.values()))[0])
        found = [
            one if one.items == common.digest else _of_one(result, drawing, common)
            for one, result in zip(found, results, strict=True)
        ]
    for result, one in zip(results, found, strict=True):
        missing = [name for name in drawing.names if name not in one.names]
        if missing:
            raise StageError(
                f"{result.record.task.title}: {missing[0]} cannot be computed from stored "
                f"predictions; expected one of {', '.join(one.known)}."
            )
    return found


def keep_draws(wanted: Iterable[tuple[Result, Sequence[Drawing]]], processes: int = 1) -> None:
    """Keep the scores of results on draws of their items, from one reading of each one's.

    Nothing is kept of what cannot be computed: who asks for it is told why.

    Args:
        wanted: Results, and what is to be computed of each.
        processes: How many compute it, if they are many.
    """
    if not can_keep():
        return
    missing = []
    for result, drawings in wanted:
        try:
            keys = {drawing: draws_key(result, drawing) for drawing in drawings}
        except StageError as error:
            _log.debug("not drawn before it is asked for: %s", error)
            continue
        of_result = {drawing: key for drawing, key in keys.items() if key and not is_kept(key)}
        if of_result:
            missing.append((result, of_result))
    for _ in computed(
        _keep_missing, missing, worth_starting(len(missing), processes), together=TOGETHER
    ):
        pass


def _keep_missing(wanted: tuple[Result, Mapping[Drawing, str]]) -> None:
    result, keys = wanted
    try:
        with _unscored_named(result):
            frame = result.predictions
            items = _Items.of(frame)
            for drawing, key in keys.items():
                _computed(result, drawing, frame, items, key)
    except FacebenchError as error:
        _log.debug("not drawn before it is asked for: %s", error)


@dataclass(frozen=True)
class _Items:
    """Test items of predictions; they are the same as others with this digest."""

    digest: str
    frame: pd.DataFrame = field(compare=False, repr=False)

    @classmethod
    def of(cls, frame: pd.DataFrame) -> _Items:
        return cls(items_digest(frame), frame)


@lru_cache(maxsize=16)  # a report compares many results on each of a few test sets
def _units(items: _Items) -> Units:
    return units(items.frame)


def _of_one(result: Result, drawing: Drawing, items: _Items | None = None) -> Resampled:
    """Return the scores of a result on draws of its own items, or of some of them."""
    key = draws_key(result, drawing, items.digest if items else "")
    found = read_draws(key)
    if found is None:
        with _unscored_named(result):
            frame = result.predictions
            if items is not None:
                frame = restricted(frame, items.frame)
            found = _computed(result, drawing, frame, items or _Items.of(frame), key)
    return found


@contextmanager
def _unscored_named(result: Result) -> Iterator[None]:
    """Raise StageError, with the file's name, where predictions break the arithmetic anywhere."""
    try:
        yield
    except DataError as error:
        raise StageError(f"{result.predictions_path}: {error}") from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise StageError(
            f"{result.predictions_path}: these predictions cannot be scored "
            f"({type(error).__name__}: {error}); expected those that facebench run wrote. Run it "
            "again."
        ) from error


def _computed(
    result: Result, drawing: Drawing, frame: pd.DataFrame, items: _Items, key: str | None
) -> Resampled:
    if frame.empty:
        raise StageError(
            f"{result.predictions_path}: found no test item; expected at least one. Run it again."
        )
    drawn = _units(items)
    protocol = recorded_protocol(result.record.task.protocol[0])
    parts = protocol.measures(frame, drawing.kind, drawn.of_item)
    known = dict.fromkeys(name for part in parts for name in part.names)
    names = [name for name in drawing.metrics_of(result) if name in known]
    values, of_draws = np.empty(0), np.empty((0, len(names)))
    if names:
        measured = measure(parts, names)
        values = undrawn(drawn, measured)
        if drawn.enough:
            of_draws = draws(drawn, measured, resamples=drawing.resamples)
    # McNemar's test is of decisions on items that are drawn one by one.
    single = "accuracy" in names and drawn.single and decided(frame)
    found = Resampled(
        items=items.digest,
        unit=drawn.name,
        known=tuple(known),
        names=tuple(names),
        values=values,
        drawn=of_draws,
        right=right(frame, drawing.kind) if single else None,
    )
    write_draws(key, found)
    return found
