"""Tests of significance and rank intervals from stored predictions on the same test items.

They quantify the variation over *test items* for fixed representations. The variation over training
is the standard deviation over seeds (``entries.Score.std``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebench.protocol import ScoreKind
from facebench.results.stats.kept_contests import (
    contests_key,
    read_contests,
    read_outcome,
    write_contests,
    write_outcome,
)
from facebench.results.stats.resampling import (
    Floats,
    Units,
    aligned,
    decided,
    draws,
    measure,
    right,
    units,
)
from facebench.results.stats.significance import bootstrap_p, holm, mcnemar
from facebench.results.store import Result
from facebench.task import Metric

SEED = 0  # of every draw of a report: the same files give the same report
LEVEL = 0.95
ALPHA = 0.05

Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """Of a metric, first less second, as stored (not scaled).

    Args:
        value: On the test items themselves.
        low: Lower end of the 95 % interval over test items; NaN if there are too few to draw.
        high: Upper end.
        p: Two-sided p value of "there is none", of McNemar's test where the metric is an accuracy
            of single items, else of the paired bootstrap; NaN with the interval.
        test: ``McNemar``, ``bootstrap``, or ``none`` if there are too few units to draw.
    """

    value: float
    low: float
    high: float
    p: float
    test: str


@dataclass(frozen=True)
class Contest:
    """Competitors on one test set and metric, each a mean over seeds.

    Args:
        metric: By which they are compared.
        values: ``[E]`` on the items themselves.
        drawn: ``[R, E]`` on the same draws of items for all; R is 0 with too few units to draw.
        right: For each competitor ``[N]`` whether each item is right; empty where McNemar's test
            does not apply (several seeds, or no accuracy of single items).
        units: What was drawn.
    """

    metric: Metric
    values: Floats
    drawn: Floats
    right: tuple[npt.NDArray[np.bool_], ...]
    units: Units

    @property
    def best(self) -> int:
        """Return the place of the best value, the first of equals."""
        sign = 1 if self.metric.higher_is_better else -1
        return int(np.argmax(sign * self.values))

    def interval(self, place: int) -> tuple[float, float] | None:
        """95 % interval over test items of one competitor's value; None if there is none."""
        drawn = self.drawn[:, place]
        if not len(drawn) or np.isnan(drawn).all():
            return None
        low, high = _ends(drawn)
        return float(low), float(high)

    def difference(self, a: int, b: int) -> Difference:
        """Compare the competitors at two places."""
        value = float(self.values[a] - self.values[b])
        drawn = self.drawn[:, a] - self.drawn[:, b]
        if not len(drawn) or np.isnan(drawn).all():
            return Difference(value, np.nan, np.nan, np.nan, "none")
        low, high = _ends(drawn)
        test = "McNemar" if self.right else "bootstrap"
        return Difference(value, float(low), float(high), self._p(a, b), test)

    def _p(self, a: int, b: int) -> float:
        """Return the p value of a difference; NaN if there are too few units to draw."""
        drawn = self.drawn[:, a] - self.drawn[:, b]
        if not len(drawn) or np.isnan(drawn).all():
            return np.nan
        if self.right:
            return mcnemar(self.right[a], self.right[b]).p
        return bootstrap_p(float(self.values[a] - self.values[b]), drawn)

    def against_best(self) -> Floats:
        """Holm-corrected p values of the best against each other, ``[E - 1]`` in their order.

        Their largest says whether the best is significantly best.
        """
        others = [place for place in range(len(self.values)) if place != self.best]
        p = [self._p(self.best, other) for other in others]
        return holm([1.0 if np.isnan(value) else value for value in p])

    def significantly_best(self, alpha: float = ALPHA) -> bool:
        """Whether the best differs from every other, Holm-corrected; no, if it is alone."""
        p = self.against_best()
        return bool(len(p)) and bool((p < alpha).all())

    def rank_intervals(self) -> list[tuple[int, int]]:
        """95 % interval of each competitor's rank (1 is the best) over draws of test items.

        Equals share the better rank.
        """
        sign = -1 if self.metric.higher_is_better else 1
        # A resample without a value for a competitor is not used for ranks.
        known = self.drawn[~np.isnan(self.drawn).any(1)]
        if not len(known):
            return [(1, len(self.values))] * len(self.values)
        worse = sign * known  # the more, the worse
        # One more than how many are better; scipy.stats takes two seconds to be imported.
        ranks = 1 + np.stack(
            [
                np.searchsorted(rising, of_draw)
                for rising, of_draw in zip(np.sort(worse), worse, strict=True)
            ]
        )
        tail = (1 - LEVEL) / 2
        low = np.quantile(ranks, tail, axis=0, method="inverted_cdf")
        high = np.quantile(ranks, 1 - tail, axis=0, method="inverted_cdf")
        return [(int(a), int(b)) for a, b in zip(low, high, strict=True)]


def contests(
    competitors: Sequence[Sequence[Result]], metrics: Sequence[Metric], kind: ScoreKind = "honest"
) -> dict[str, Contest]:
    """Compare competitors on the test items that all of them scored, by each of some metrics.

    Args:
        competitors: The results of each, one a seed; all of one group of comparable results.
        metrics: By which they are compared.
        kind: Which of their scores.

    What was computed once is kept in the cache, by the digests of the results.

    Raises:
        StageError: Predictions are missing, or they are not of one test set, or a metric cannot
            be computed from them.
    """
    key = contests_key(competitors, metrics, kind, SEED) if metrics else None
    found = None if key is None else read_contests(key, metrics)
    if found is None:
        found = _contests(competitors, metrics, kind)
        if key is not None:
            write_contests(key, found)
    return found


def rank_intervals(
    competitors: Sequence[Sequence[Result]], metrics: Sequence[Metric], kind: ScoreKind = "honest"
) -> dict[str, list[tuple[int, int]]]:
    """Return the rank intervals of :func:`contests` by metric, kept in the cache like these.

    Raises:
        StageError: As :func:`contests`.
    """
    key = contests_key(competitors, metrics, kind, SEED) if metrics else None
    found = None if key is None else read_outcome(key, "ranks")
    if found is None:
        met = contests(competitors, metrics, kind)
        found = {name: contest.rank_intervals() for name, contest in met.items()}
        if key is not None:
            write_outcome(key, "ranks", found)
    return {name: [(low, high) for low, high in of_metric] for name, of_metric in found.items()}


def _contests(
    competitors: Sequence[Sequence[Result]], metrics: Sequence[Metric], kind: ScoreKind
) -> dict[str, Contest]:
    """Compare competitors, by all of their predictions."""
    everyone = [result for of_one in competitors for result in of_one]
    names = [metric.name for metric in metrics]
    frames = aligned(everyone)
    drawn = units(frames[0])
    measured = [
        measure(result.record, frame, kind, names, drawn)
        for result, frame in zip(everyone, frames, strict=True)
    ]
    owner = np.repeat(np.arange(len(competitors)), [len(of_one) for of_one in competitors])
    share = (owner[:, None] == np.arange(len(competitors))).astype(float)
    share /= share.sum(0)  # [results, E], from results to means over seeds
    whole = np.stack([m(np.ones((1, len(drawn.strata))))[0] for m in measured])
    values = np.empty((0, *whole.shape))
    if drawn.enough:
        resamples = everyone[0].spec.probe.resamples
        values = draws(drawn, measured, seed=SEED, resamples=resamples)
    # McNemar's test is of decisions, one of each competitor, on items that are drawn one by one.
    single = "accuracy" in names and len(everyone) == len(competitors) and drawn.single
    single = single and all(map(decided, frames))
    decisions = tuple(right(frame, kind) for frame in frames) if single else ()
    return {
        metric.name: Contest(
            metric,
            whole[:, place] @ share,
            values[:, :, place] @ share,
            decisions if metric.name == "accuracy" else (),
            drawn,
        )
        for place, metric in enumerate(metrics)
    }


def intervals(
    results: Sequence[Result], metrics: Sequence[Metric], kind: ScoreKind = "honest"
) -> dict[str, Interval | None]:
    """Return 95 % intervals over test items of the mean over seeds.

    A single seed has its stored intervals, which are of the same units; but for pairs, whose stored
    intervals take no heed of people who are in several.

    Args:
        results: Results of one configuration and one group of comparable results, one per seed.
        metrics: The metrics.
        kind: Kind of score, ``honest`` or ``paper``.

    Raises:
        StageError: Predictions are missing, or those of two seeds are not of one test set.
    """
    if len(results) == 1 and not results[0].record.of_pairs:
        block = results[0].scores.of(kind)
        return {metric.name: block.ends(metric.name) for metric in metrics}
    key = contests_key([results], metrics, kind, SEED)
    found = None if key is None else read_outcome(key, "intervals")
    if found is None:
        met = contests([results], metrics, kind)
        found = {name: contest.interval(0) for name, contest in met.items()}
        if key is not None:
            write_outcome(key, "intervals", found)
    return {name: None if ends is None else (ends[0], ends[1]) for name, ends in found.items()}


def interval_of(result: Result, metric: Metric) -> Interval | None:
    """Return the honest score's 95 % interval of one result; None without one.

    For pairs it is over groups of people, as in the paper's tables; the stored one is over pairs as
    if no two shared a face. It needs the stored predictions; without them there is none.
    """
    if result.record.of_pairs and not result.predictions_path.exists():
        return None
    return intervals([result], [metric])[metric.name]


def _ends(drawn: Floats) -> Floats:
    tail = (1 - LEVEL) / 2
    ends: Floats = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    return ends
