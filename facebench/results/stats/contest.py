"""Competitors on one test set: their differences, ranks, and which is significantly the best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.evaluation.metrics.intervals import percentile_ends
from facebench.results.stats.significance import bootstrap_p, holm, mcnemar
from facebench.task import Metric

LEVEL = 0.95
ALPHA = 0.05

Floats = npt.NDArray[np.float64]


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
        unit: What was drawn, in the plural.
    """

    metric: Metric
    values: Floats
    drawn: Floats
    right: tuple[npt.NDArray[np.bool_], ...]
    unit: str

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
        low, high = percentile_ends(drawn)
        return float(low), float(high)

    def difference(self, a: int, b: int) -> Difference:
        """Compare the competitors at two places."""
        value = float(self.values[a] - self.values[b])
        drawn = self.drawn[:, a] - self.drawn[:, b]
        if not len(drawn) or np.isnan(drawn).all():
            return Difference(value, np.nan, np.nan, np.nan, "none")
        low, high = percentile_ends(drawn)
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
        ranks = pd.DataFrame(sign * known).rank(axis=1, method="min").to_numpy()
        tail = (1 - LEVEL) / 2
        low = np.quantile(ranks, tail, axis=0, method="inverted_cdf")
        high = np.quantile(ranks, 1 - tail, axis=0, method="inverted_cdf")
        return [(int(a), int(b)) for a, b in zip(low, high, strict=True)]
