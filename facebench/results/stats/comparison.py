"""Competitors that are compared on the test items that all of them scored.

What follows from their draws is kept in the cache.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from facebench.errors import FacebenchError
from facebench.protocol import ScoreKind
from facebench.results.scores import KINDS
from facebench.results.stats.contest import Contest, Difference
from facebench.results.stats.kept_draws import Drawing, outcome
from facebench.results.stats.resampled import keep_draws, resampled
from facebench.results.store import Result
from facebench.results.stored_predictions import StoredPredictions
from facebench.runtime.pool import computed
from facebench.task import Metric

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class Comparison:
    """Competitors, and by what they are compared.

    Args:
        competitors: The predictions of each, one file a seed; all of one group of comparable
            results.
        metrics: By which they are compared.
        kind: Which of their scores.
        resamples: Number of draws.
    """

    competitors: tuple[tuple[StoredPredictions, ...], ...]
    metrics: tuple[Metric, ...]
    kind: ScoreKind
    resamples: int

    @classmethod
    def of(
        cls, competitors: Sequence[Sequence[Result]], metrics: Sequence[Metric],
        kind: ScoreKind = "honest",
    ) -> Comparison:  # fmt: skip
        """Compare results, of each competitor one a seed, on as many draws as the first has."""
        stored = tuple(tuple(one.stored_predictions for one in of_one) for of_one in competitors)
        return cls(stored, tuple(metrics), kind, stored[0][0].resamples)

    @property
    def drawing(self) -> Drawing:
        """Return what is computed of each file."""
        return Drawing(tuple(metric.name for metric in self.metrics), self.kind, self.resamples)

    def contests(self) -> dict[str, Contest]:
        """Return the competitors' scores on the same draws, by metric.

        Raises:
            StageError: Predictions are missing, or they are not of one test set, or a metric cannot
                be computed from them.
        """
        everyone = [predictions for of_one in self.competitors for predictions in of_one]
        found = resampled(everyone, self.drawing)
        count = len(self.competitors)
        owner = np.repeat(np.arange(count), [len(of_one) for of_one in self.competitors])
        share = (owner[:, None] == np.arange(count)).astype(float)
        share /= share.sum(0)  # [results, E], from results to means over seeds
        # McNemar's test is of decisions, one of each competitor.
        decisions = tuple(one.right for one in found if one.right is not None)
        single = len(decisions) == len(everyone) == count
        met = {}
        for metric in self.metrics:
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

    def rank_intervals(self) -> dict[str, list[tuple[int, int]]]:
        """Return each competitor's rank interval, by metric.

        Raises:
            StageError: As :meth:`contests`.
        """

        def compute() -> dict[str, list[tuple[int, int]]]:
            return {name: contest.rank_intervals() for name, contest in self.contests().items()}

        found = self._outcome("ranks", compute)
        return {name: [(low, high) for low, high in of_metric] for name, of_metric in found.items()}

    def winners(self) -> dict[str, int]:
        """Return by metric the place of the competitor that is significantly the best, if one is.

        Raises:
            StageError: As :meth:`contests`.
        """

        def compute() -> dict[str, int]:
            met = self.contests()
            return {name: one.best for name, one in met.items() if one.significantly_best()}

        return dict(self._outcome("winners", compute))

    def best_compared(self, most: int) -> BestCompared | None:
        """Compare every two of the best competitors by the first metric.

        Args:
            most: Number B of the best.

        Returns:
            None if a competitor has no value.

        Raises:
            StageError: As :meth:`contests`.
        """
        metric = self.metrics[0]

        def compute() -> dict[str, Any] | None:
            contest = self.contests()[metric.name]
            if not np.isfinite(contest.values).all():
                return None
            sign = -1 if metric.higher_is_better else 1
            places = np.argsort(sign * contest.values, kind="stable")[:most].tolist()
            found = [contest.difference(a, b) for a, b in combinations(places, 2)]
            differences = [asdict(one) for one in found]
            return {"places": places, "unit": contest.unit, "differences": differences}

        found = self._outcome(f"differences of the best {most}", compute)
        if found is None:
            return None
        differences = [Difference(**one) for one in found["differences"]]
        return BestCompared(found["places"], found["unit"], differences)

    def intervals(self) -> dict[str, tuple[float, float] | None]:
        """Return the first competitor's 95 % interval over test items, by metric.

        Raises:
            StageError: As :meth:`contests`.
        """

        def compute() -> dict[str, tuple[float, float] | None]:
            return {name: contest.interval(0) for name, contest in self.contests().items()}

        found = self._outcome("intervals", compute)
        return {name: None if ends is None else (ends[0], ends[1]) for name, ends in found.items()}

    def _outcome(self, what: str, compute: Callable[[], Any]) -> Any:
        return outcome(self.competitors, self.drawing, what, compute)


def keep_draws_of(results: Iterable[Result], processes: int = 1) -> int:
    """Keep what comparisons by the metrics that tables show need of each result.

    The predictions are read once for both kinds of scores.

    Args:
        results: Results, those of one test set one after the other.
        processes: How many compute it, if there is much.

    Returns:
        Of how many results it was not kept before.
    """
    wanted = (
        (one.stored_predictions, [Comparison.of([[one]], [one.metric], of).drawing for of in KINDS])
        for one in results
    )
    return keep_draws(wanted, processes)


def keep_outcomes(wanted: Iterable[Iterable[Callable[[], object]]], processes: int) -> None:
    """Let processes compute what keeps its outcome in the cache, such as methods of a comparison.

    Nothing is kept of what cannot be computed: who asks for it is told why.

    Args:
        wanted: What is computed, together what one process does, the longest first.
        processes: How many compute it; one computes nothing before it is asked for.
    """
    if processes > 1:
        for _ in computed(_kept, wanted, processes):
            pass


def _kept(together: Iterable[Callable[[], object]]) -> None:
    for wanted in together:
        try:
            wanted()
        except FacebenchError as error:
            _log.debug("not computed before it is asked for: %s", error)
