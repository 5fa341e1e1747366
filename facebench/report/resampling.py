"""Drawing test items again: scores of stored predictions as functions of what was drawn.

A draw says how often each *unit* comes. A unit is what may be drawn on its own: an image; a
subject's images, within their fold (multilabel, as its stored intervals are); for pairs, the
people whom pairs tie together. Two pairs with one face in them are not independent, so pairs that
share a person, directly or by way of other pairs, are drawn as one (LFW: 1,290 such groups of 6,000
pairs). Draws are shared by everything
that is compared: what differs is then the representation and not the luck of the draw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from facebench.errors import StageError
from facebench.evaluate.absolute_error import metric_names as error_names
from facebench.evaluate.intervals import group_confusions
from facebench.evaluate.label_f1 import fold_metrics, subject_counts
from facebench.evaluate.label_f1 import metric_names as label_names
from facebench.evaluate.metrics import accuracy, balanced_accuracy, macro_f1
from facebench.evaluate.pair_intervals import ranking_metrics
from facebench.evaluate.verification import FARS
from facebench.report.results import Result

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Kind = Literal["honest", "paper"]
# From how often each unit comes, [R, U], to the values of M metrics for each draw, [R, M]; NaN
# where there is none.
Measure = Callable[[Floats], Floats]

_OF_CONFUSION = {"accuracy": accuracy, "macro_f1": macro_f1, "balanced_accuracy": balanced_accuracy}
_OF_RANKING = ("roc_auc", *(f"tar_at_far_{far:g}" for far in FARS))
# Rule of thumb: percentile intervals over fewer groups are too narrow. Small lists of pairs (the
# synthetic ones tie all people of a fold together) are drawn pair by pair, as their stored
# intervals are.
_FEWEST_GROUPS = 30
_BUDGET = 2**22  # draws times units held at a time: 32 MB


@dataclass(frozen=True)
class Units:
    """What is drawn.

    Args:
        of_item: ``[N]`` the unit of each test item, 0-based.
        strata: ``[U]`` units are drawn within these (folds).
        name: What a unit is, in the plural, for a reader.
    """

    of_item: Ints
    strata: Ints
    name: str

    @property
    def enough(self) -> bool:
        """Whether every stratum has two units; a single one tells nothing about others."""
        return bool(len(self.strata)) and int(np.unique_counts(self.strata).counts.min()) > 1

    @property
    def single(self) -> bool:
        """Whether every item is drawn on its own, within one stratum."""
        return len(self.strata) == len(self.of_item) and not self.strata.any()

    def draw(self, rng: np.random.Generator, number: int) -> Floats:
        """Draw as many units as there are, with replacement; ``[number, U]`` how often each."""
        times = np.empty((number, len(self.strata)))
        for stratum in np.unique(self.strata):
            own = self.strata == stratum
            size = int(own.sum())
            times[:, own] = rng.multinomial(size, np.full(size, 1 / size), size=number)
        return times


def aligned(results: Sequence[Result]) -> list[pd.DataFrame]:
    """Read the predictions of results on the same test items, row by row.

    Items that not all of them could score are left out.

    Raises:
        StageError: They have no item in common, or differ in what is true of one, or an item is
            there twice.
    """
    frames = [result.predictions() for result in results]
    keys = ["first", "second"] if "first" in frames[0] else ["path"]
    names = [pd.MultiIndex.from_frame(frame[keys]) for frame in frames]
    if not all(index.equals(names[0]) for index in names[1:]):
        if not all(index.is_unique for index in names):
            raise StageError(
                f"{results[0].path.name} and others cannot be compared item by item: found an item "
                "twice; expected each once. Run them again on the same data."
            )
        common = reduce(lambda a, b: a[a.isin(b)], names)
        frames = [
            frame.iloc[index.get_indexer(common)].reset_index(drop=True)
            for frame, index in zip(frames, names, strict=True)
        ]
    true = [c for c in frames[0] if c.startswith("label") or c in ("same", "fold", "subject")]
    for result, frame in zip(results, frames, strict=True):
        if not len(frame) or not frame[true].equals(frames[0][true]):
            what = "other labels for the same items" if len(frame) else "no test item in common"
            raise StageError(
                f"{results[0].path.name} and {result.path.name} cannot be compared: found {what}; "
                "expected one test set. Run both on the same data."
            )
    return frames


def units(frame: pd.DataFrame) -> Units:
    """Say what is drawn of a test set; see the module's docstring.

    Args:
        frame: Its predictions, as a result holds them.
    """
    if "first" in frame:
        return _tied_pairs(frame)
    if "subject" in frame:
        _, first, number = np.unique(
            frame["subject"].to_numpy(), return_index=True, return_inverse=True
        )
        return Units(number.astype(np.int64), frame["fold"].to_numpy(np.int64)[first], "subjects")
    return Units(np.arange(len(frame)), np.zeros(len(frame), np.int64), "images")


class _Part(NamedTuple):
    """Metrics that are computed at once."""

    names: Sequence[str]
    measure: Measure


def measure(
    record: dict[str, Any], frame: pd.DataFrame, kind: Kind, names: Sequence[str], drawn: Units
) -> Measure:
    """Return how metrics follow from a draw, computed as the protocol of the result does.

    Args:
        record: Of the result.
        frame: Its predictions.
        kind: Which of its scores.
        names: Of the M metrics, in order.
        drawn: The units of ``frame``.

    Raises:
        StageError: A metric cannot be computed from predictions.
    """
    protocol = record["task"]["protocol"][0]
    parts = {
        "classification": _classified, "verification": _verified,
        "multilabel": _detected, "regression": _regressed,
    }[protocol](frame, kind, drawn)  # fmt: skip
    known = [name for part in parts for name in part.names]
    missing = [name for name in names if name not in known]
    if missing:
        raise StageError(
            f"{record['task']['title']}: {missing[0]} cannot be computed from stored predictions; "
            f"expected one of {', '.join(known)}."
        )
    needed = [part for part in parts if set(part.names) & set(names)]
    places = [name for part in needed for name in part.names]
    order = [places.index(name) for name in names]

    def all_of(times: Floats) -> Floats:
        return np.concatenate([part.measure(times) for part in needed], axis=1)[:, order]

    return all_of


def right(frame: pd.DataFrame, kind: Kind) -> npt.NDArray[np.bool_]:
    """Return ``[N]`` whether each decision on a class, or on a pair, is right."""
    decided: npt.NDArray[np.bool_] = (
        frame[kind] == frame["same" if "same" in frame else "label"]
    ).to_numpy(bool)
    return decided


def draws(
    drawn: Units, measured: Sequence[Measure], *, rng: np.random.Generator, resamples: int
) -> Floats:
    """Values of several measures on the same draws, ``[R, results, M]``."""
    step = max(1, _BUDGET // len(drawn.of_item))
    parts = []
    for start in range(0, resamples, step):
        times = drawn.draw(rng, min(step, resamples - start))
        parts.append(np.stack([measure(times) for measure in measured], axis=1))
    return np.concatenate(parts)


def _classified(frame: pd.DataFrame, kind: Kind, drawn: Units) -> list[_Part]:
    labels, guesses = frame["label"].to_numpy(np.int64), frame[kind].to_numpy(np.int64)
    classes = 1 + int(max(labels.max(), guesses.max()))
    confusions = group_confusions(labels, guesses, drawn.of_item, classes)
    return [_of_confusions(name, metric, confusions) for name, metric in _OF_CONFUSION.items()]


def _verified(frame: pd.DataFrame, kind: Kind, drawn: Units) -> list[_Part]:
    same = frame["same"].to_numpy(bool)
    confusions = group_confusions(
        same.astype(int), frame[kind].to_numpy(bool).astype(int), drawn.of_item, 2
    )
    scores = frame[f"{kind}_similarity"].to_numpy(np.float64)

    def ranked(times: Floats) -> Floats:
        return ranking_metrics(scores, same, times[:, drawn.of_item], FARS)

    return [_of_confusions("accuracy", accuracy, confusions), _Part(_OF_RANKING, ranked)]


def _of_confusions(name: str, metric: Callable[[npt.ArrayLike], Floats], confusions: Ints) -> _Part:
    """A metric of units' confusion matrices ``[U, C, C]``."""
    flat = confusions.reshape(len(confusions), -1).astype(np.float64)

    def value(times: Floats) -> Floats:
        return metric((times @ flat).reshape(-1, *confusions.shape[1:]))[:, None]

    return _Part([name], value)


def _detected(frame: pd.DataFrame, kind: Kind, drawn: Units) -> list[_Part]:
    targets = _targets(frame)
    labels, decisions = (
        frame[[f"{which}_{target}" for target in targets]].to_numpy(np.int8)
        for which in ("label", kind)
    )
    counts, home = subject_counts(labels, decisions, frame["subject"], frame["fold"])
    flat = counts.reshape(len(counts), -1).astype(np.float64)

    def values(times: Floats) -> Floats:
        of_folds = [times[:, home == fold] @ flat[home == fold] for fold in np.unique(home)]
        return fold_metrics(np.stack(of_folds, 1).reshape(len(times), -1, *counts.shape[1:]))

    return [_Part(label_names(targets), values)]


def _regressed(frame: pd.DataFrame, kind: Kind, drawn: Units) -> list[_Part]:
    targets = _targets(frame)
    predicted, true = (
        frame[[f"{which}_{target}" for target in targets]].to_numpy(np.float64)
        for which in (kind, "label")
    )
    absolute = np.column_stack([np.abs(predicted - true), np.ones(len(frame))])

    def values(times: Floats) -> Floats:
        sums = times @ absolute
        means = sums[:, :-1] / sums[:, -1:]
        return np.column_stack([means.mean(1), means])

    return [_Part(error_names(targets), values)]


def _targets(frame: pd.DataFrame) -> list[str]:
    return [c.removeprefix("label_") for c in frame if c.startswith("label_")]


def _tied_pairs(frame: pd.DataFrame) -> Units:
    """Join pairs that share a person: connected components of people, pairs being the edges."""
    sides = [frame[side].map(_person) for side in ("first", "second")]
    # A file's name less its number is who is shown, if all pairs bear that out; else nothing is
    # known of people, and pairs are joined by the images that they share.
    known = bool(((sides[0] == sides[1]) == frame["same"]).all())
    if not known:
        sides = [frame["first"], frame["second"]]
    numbers, names = pd.factorize(pd.concat(sides), sort=True)
    a, b = numbers.reshape(2, -1)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(names), len(names)))
    _, component = connected_components(graph, directed=False)
    # Numbered as they come, so that every unit has a pair.
    used, number = np.unique(component[a], return_inverse=True)
    if len(used) < _FEWEST_GROUPS:
        return Units(np.arange(len(frame)), np.zeros(len(frame), np.int64), "pairs")
    what = "groups of people whom pairs tie together" if known else "groups of tied images"
    return Units(number.astype(np.int64), np.zeros(len(used), np.int64), what)


def _person(path: str) -> str:
    return re.sub(r"[_-]\d+$", "", PurePosixPath(path).stem)
