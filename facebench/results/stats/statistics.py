"""Comparisons and intervals of stored results, from their predictions on the same test items.

They quantify the variation over *test items* for fixed representations. The variation over training
is the standard deviation over seeds (``entries.Score.std``).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from facebench.protocol import ScoreKind, find_protocol
from facebench.results.stats.comparison import Comparison
from facebench.results.stats.contest import Contest
from facebench.results.store import Result
from facebench.task import Metric

Interval = tuple[float, float]

_log = logging.getLogger(__name__)


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
    return Comparison.of(competitors, metrics, kind).contests()


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
    if intervals_stored(results):
        block = results[0].scores.of(kind)
        return {metric.name: block.ends(metric.name) for metric in metrics}
    protocol = results[0].record.task.protocol[0]
    if find_protocol(protocol) is None:
        _log.warning(
            "%s: a mean over seeds without an interval: its protocol '%s' is not installed",
            results[0].record.task.title, protocol,
        )  # fmt: skip
        return dict.fromkeys((metric.name for metric in metrics), None)
    return Comparison.of([results], metrics, kind).intervals()


def intervals_stored(results: Sequence[Result]) -> bool:
    """Return whether :func:`intervals` takes what is stored, and draws no test items again."""
    return len(results) == 1 and _of_units(results[0])


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
