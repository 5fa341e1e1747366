"""Tests of significance and rank intervals from stored predictions on the same test items.

They quantify the variation over *test items* for fixed representations. The variation over training
is the standard deviation over seeds (``entries.Score.std``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from facebench.protocol import ScoreKind, find_protocol
from facebench.results.stats.contest import Contest, Difference
from facebench.results.stats.kept_draws import Drawing, outcome
from facebench.results.stats.resampled import resampled
from facebench.results.store import Result
from facebench.task import Metric

Interval = tuple[float, float]

_log = logging.getLogger(__name__)


def drawing(
    results: Sequence[Result], metrics: Sequence[Metric], kind: ScoreKind = "honest"
) -> Drawing:
    """Return what is computed of results of one group of comparable ones, so as to compare them."""
    names = tuple(metric.name for metric in metrics)
    return Drawing(names, kind, results[0].spec.probe.resamples)


def contests(
    competitors: Sequence[Sequence[Result]], metrics: Sequence[Metric], kind: ScoreKind = "honest"
) -> dict[str, Contest]:
    """Compare competitors on the test items that all of them scored, by each of some metrics.

    Args:
        competitors: The results of each, one a seed; all of one group of comparable results.
        metrics: By which they are compared.
        kind: Which of their scores.

    Raises:
        StageError: Predictions are missing, or they are not of one test set, or a metric cannot
            be computed from them.
    """
    everyone = [result for of_one in competitors for result in of_one]
    found = resampled(everyone, drawing(everyone, metrics, kind))
    owner = np.repeat(np.arange(len(competitors)), [len(of_one) for of_one in competitors])
    share = (owner[:, None] == np.arange(len(competitors))).astype(float)
    share /= share.sum(0)  # [results, E], from results to means over seeds
    # McNemar's test is of decisions, one of each competitor.
    decisions = tuple(one.right for one in found if one.right is not None)
    single = len(decisions) == len(everyone) == len(competitors)
    met = {}
    for metric in metrics:
        places = [one.names.index(metric.name) for one in found]
        pairs = list(zip(found, places, strict=True))
        met[metric.name] = Contest(
            metric,
            np.stack([one.values[place] for one, place in pairs]) @ share,
            np.stack([one.drawn[:, place] for one, place in pairs], axis=1) @ share,
            decisions if single and metric.name == "accuracy" else (),
            found[0].unit,
        )
    return met


def rank_intervals(
    competitors: Sequence[Sequence[Result]], metrics: Sequence[Metric], kind: ScoreKind = "honest"
) -> dict[str, list[tuple[int, int]]]:
    """Return the rank intervals of :func:`contests` by metric, kept in the cache.

    Raises:
        StageError: As :func:`contests`.
    """

    def compute() -> dict[str, list[tuple[int, int]]]:
        met = contests(competitors, metrics, kind)
        return {name: contest.rank_intervals() for name, contest in met.items()}

    found = _outcome(competitors, metrics, kind, "ranks", compute)
    return {name: [(low, high) for low, high in of_metric] for name, of_metric in found.items()}


def winners(
    competitors: Sequence[Sequence[Result]], metrics: Sequence[Metric], kind: ScoreKind = "honest"
) -> dict[str, int]:
    """Return by metric the place of the competitor that is significantly the best, if one is.

    Kept in the cache.

    Raises:
        StageError: As :func:`contests`.
    """

    def compute() -> dict[str, int]:
        met = contests(competitors, metrics, kind)
        return {name: one.best for name, one in met.items() if one.significantly_best()}

    return dict(_outcome(competitors, metrics, kind, "winners", compute))


@dataclass(frozen=True)
class BestCompared:
    """Every two of the best competitors by one metric.

    Args:
        places: ``[B]`` their places among all competitors, best first.
        unit: What was drawn, in the plural.
        differences: ``[B (B - 1) / 2]`` of every two in this order: first and second, first and
            third ...
    """

    places: list[int]
    unit: str
    differences: list[Difference]


def best_compared(
    competitors: Sequence[Sequence[Result]], metric: Metric, kind: ScoreKind, most: int
) -> BestCompared | None:
    """Compare every two of the best competitors, kept in the cache.

    Args:
        competitors: As for :func:`contests`, at least two.
        metric: By which they are compared.
        kind: Which of their scores.
        most: Number B of the best.

    Returns:
        None if a competitor has no value.

    Raises:
        StageError: As :func:`contests`.
    """

    def compute() -> dict[str, Any] | None:
        contest = contests(competitors, [metric], kind)[metric.name]
        if not np.isfinite(contest.values).all():
            return None
        sign = -1 if metric.higher_is_better else 1
        places = np.argsort(sign * contest.values, kind="stable")[:most].tolist()
        found = [contest.difference(a, b) for a, b in combinations(places, 2)]
        return {
            "places": places, "unit": contest.unit, "differences": [asdict(one) for one in found],
        }  # fmt: skip

    found = _outcome(competitors, [metric], kind, f"differences of the best {most}", compute)
    if found is None:
        return None
    differences = [Difference(**one) for one in found["differences"]]
    return BestCompared(found["places"], found["unit"], differences)


def intervals(
    results: Sequence[Result], metrics: Sequence[Metric], kind: ScoreKind = "honest"
) -> dict[str, Interval | None]:
    """Return 95 % intervals over test items of the mean over seeds.

    A single seed has its stored intervals; but for pairs of earlier formats, whose stored intervals
    take no heed of people who are in several. Several seeds have none if their protocol is not
    installed here.

    Args:
        results: Results of one configuration and one group of comparable results, one per seed.
        metrics: The metrics.
        kind: Kind of score, ``honest`` or ``paper``.

    Raises:
        StageError: Predictions are missing, or those of two seeds are not of one test set.
    """
    if len(results) == 1 and _of_units(results[0]):
        block = results[0].scores.of(kind)
        return {metric.name: block.ends(metric.name) for metric in metrics}
    protocol = results[0].record.task.protocol[0]
    if find_protocol(protocol) is None:
        _log.warning(
            "%s: a mean over seeds without an interval: its protocol '%s' is not installed",
            results[0].record.task.title, protocol,
        )  # fmt: skip
        return dict.fromkeys((metric.name for metric in metrics), None)

    def compute() -> dict[str, Interval | None]:
        met = contests([results], metrics, kind)
        return {name: contest.interval(0) for name, contest in met.items()}

    found = _outcome([results], metrics, kind, "intervals", compute)
    return {name: None if ends is None else (ends[0], ends[1]) for name, ends in found.items()}


def interval_of(result: Result, metric: Metric) -> Interval | None:
    """Return the honest score's 95 % interval of one result; None without one.

    For pairs of an earlier format it is drawn again from the predictions; without them there is
    none.
    """
    if not (_of_units(result) or result.predictions_path.exists()):
        return None
    return intervals([result], [metric])[metric.name]


def _of_units(result: Result) -> bool:
    """Return whether the stored intervals are of the units that are drawn here."""
    return result.record.drawn_alike or not result.record.of_pairs


def _outcome(
    competitors: Sequence[Sequence[Result]],
    metrics: Sequence[Metric],
    kind: ScoreKind,
    what: str,
    compute: Callable[[], Any],
) -> Any:
    """Return what follows from contests, as JSON."""
    everyone = [result for of_one in competitors for result in of_one]
    return outcome(competitors, drawing(everyone, metrics, kind), what, compute)
