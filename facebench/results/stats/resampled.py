"""Scores of results on draws of the test items that they have in common."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from facebench.errors import DataError, FacebenchError, StageError
from facebench.evaluation.protocols.rescoring import recorded_protocol
from facebench.evaluation.resampling import measure, resample
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
from facebench.results.stored_predictions import StoredPredictions
from facebench.runtime.kept_values import can_keep, is_kept, place
from facebench.runtime.pool import TOGETHER, computed, worth_starting

# The rows that are compared are asked for several times: their ranks, the best, every two of them.
_RECENT = 256  # results, of 100 kB each
_MANY = 10_000  # draws, of which each result takes half a MB or more

_log = logging.getLogger(__name__)


def resampled(several: Sequence[StoredPredictions], drawing: Drawing) -> list[Resampled]:
    """Return the scores of predictions on the same draws of the items that all of them have.

    What was computed once is kept in the cache, by the digests of the predictions.

    Raises:
        StageError: Predictions are missing, or they are not of one test set, or a metric cannot be
            computed from them.
    """
    found = [_of_one(predictions, drawing) for predictions in several]
    of_items: dict[str, StoredPredictions] = {}  # the first of each list of items
    for one, predictions in zip(found, several, strict=True):
        of_items.setdefault(one.items, predictions)
    if len(of_items) > 1:
        common = _Items.of(aligned(list(of_items.values()))[0])
        found = [
            one if one.items == common.digest else _of_one(predictions, drawing, common)
            for one, predictions in zip(found, several, strict=True)
        ]
    for predictions, one in zip(several, found, strict=True):
        missing = [name for name in drawing.names if name not in one.names]
        if missing:
            raise StageError(
                f"{predictions.task}: {missing[0]} cannot be computed from stored "
                f"predictions; expected one of {', '.join(one.known)}."
            )
    return found


def keep_draws(
    wanted: Iterable[tuple[StoredPredictions, Sequence[Drawing]]], processes: int = 1
) -> int:
    """Keep the scores of predictions on draws of their items, each file being read once.

    Nothing is kept of what cannot be computed: who asks for it is told why.

    Args:
        wanted: Predictions, and what is to be computed of them.
        processes: How many compute it, if there are many.

    Returns:
        Of how many something was missing.
    """
    if not can_keep():
        return 0
    missing = []
    for predictions, drawings in wanted:
        try:
            keys = {drawing: draws_key(predictions, drawing) for drawing in drawings}
        except StageError as error:
            _log.debug("not drawn before it is asked for: %s", error)
            continue
        not_kept = {drawing: key for drawing, key in keys.items() if key and not is_kept(key)}
        if not_kept:
            missing.append((predictions, not_kept))
    for _ in computed(
        _keep_missing, missing, worth_starting(len(missing), processes), together=TOGETHER
    ):
        pass
    return len(missing)


def _keep_missing(wanted: tuple[StoredPredictions, Mapping[Drawing, str]]) -> None:
    predictions, keys = wanted
    try:
        with _unscored_named(predictions):
            frame = predictions.read()
            items = _Items.of(frame)
            for drawing, key in keys.items():
                _computed(predictions, drawing, frame, items, key)
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


def _of_one(
    predictions: StoredPredictions, drawing: Drawing, items: _Items | None = None
) -> Resampled:
    """Return the scores of predictions on draws of their own items, or of some of them."""
    key = draws_key(predictions, drawing, items.digest if items else "")
    # Those of some items would be held with the predictions that the items are from.
    if key is None or items is not None or drawing.resamples > _MANY:
        return _drawn(predictions, drawing, items, key)
    return _recently_drawn(predictions, drawing, key, place())


@lru_cache(maxsize=_RECENT)
def _recently_drawn(
    predictions: StoredPredictions, drawing: Drawing, key: str, _cache: Path | None
) -> Resampled:
    return _drawn(predictions, drawing, None, key)


def _drawn(
    predictions: StoredPredictions, drawing: Drawing, items: _Items | None, key: str | None
) -> Resampled:
    """Return what is kept at a key; without it, draw and keep it."""
    found = read_draws(key)
    if found is None:
        with _unscored_named(predictions):
            frame = predictions.read()
            if items is not None:
                frame = restricted(frame, items.frame)
            found = _computed(predictions, drawing, frame, items or _Items.of(frame), key)
    return found


@contextmanager
def _unscored_named(predictions: StoredPredictions) -> Iterator[None]:
    """Raise StageError, with the file's name, where predictions break the arithmetic anywhere."""
    try:
        yield
    except DataError as error:
        raise StageError(f"{predictions.path}: {error}") from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise StageError(
            f"{predictions.path}: these predictions cannot be scored "
            f"({type(error).__name__}: {error}); expected those that facebench run wrote. Run it "
            "again."
        ) from error


def _computed(
    predictions: StoredPredictions, drawing: Drawing, frame: pd.DataFrame, items: _Items,
    key: str | None,
) -> Resampled:  # fmt: skip
    if frame.empty:
        raise StageError(
            f"{predictions.path}: found no test item; expected at least one. Run it again."
        )
    drawn = _units(items)
    protocol = recorded_protocol(predictions.protocol)
    parts = protocol.measures(frame, drawing.kind, drawn.of_item)
    known = dict.fromkeys(name for part in parts for name in part.names)
    names = [name for name in drawing.metrics_of(predictions) if name in known]
    values, of_draws = np.empty(0), np.empty((0, len(names)))
    if names:
        values, of_draws = resample(drawn, measure(parts, names), resamples=drawing.resamples)
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
