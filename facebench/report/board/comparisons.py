"""Comparisons of rows on the same test items: ranks, the best of one budget, every two of them."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from facebench.errors import StageError
from facebench.protocol import ScoreKind
from facebench.report.board.model import Pairs, Rank
from facebench.report.entries import MethodEntry, Score
from facebench.report.groups import Group
from facebench.results.stats.comparison import Comparison
from facebench.results.stats.significance import holm
from facebench.task import Metric

COMPARED = 20  # rows of which every two are compared: 190 differences
_DIGITS = 6  # of differences and p values

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Competition:
    """The rows of one budget that were judged in a group; they meet if there are two or more.

    Args:
        group: The group of comparable results.
        members: The rows.
        metrics: By which they are compared.
        kind: Kind of score.
    """

    group: Group
    members: Sequence[MethodEntry]
    metrics: Sequence[Metric]
    kind: ScoreKind

    def by(self, metrics: Sequence[Metric]) -> Comparison | None:
        """Return their comparison by some metrics; None if there are no two."""
        if len(self.members) < 2:
            return None
        results = [entry.results[self.group] for entry in self.members]
        return Comparison.of(results, metrics, self.kind)


def competition(
    group: Group, competing: Sequence[MethodEntry], shown: Sequence[Metric], kind: ScoreKind
) -> Competition:
    """Let the rows of one budget meet that were judged in a group."""
    members = [entry for entry in competing if group in entry.results]
    return Competition(group, members, shown, kind)


def best_of(met: Competition) -> dict[str, str]:
    """Return by metric the key of the row that is significantly the best, if one is."""
    comparison = met.by(met.metrics)
    if comparison is None:
        return {}
    try:
        places = comparison.winners()
    except StageError:  # reported where ranks are made
        return {}
    return {name: met.members[place].key for name, place in places.items()}


def pairs(met: Competition, metric: Metric, ids: Mapping[str, str]) -> Pairs | None:
    """Compare every two of the best rows by one metric; None if there are no two.

    Args:
        met: The rows of one budget.
        metric: By which they are compared.
        ids: Identifiers of rows, by the keys of entries.
    """
    comparison = met.by([metric])
    if comparison is None:
        return None
    try:
        best = comparison.best_compared(COMPARED)
    except StageError:  # reported where ranks are made
        return None
    if best is None:
        return None
    # Without enough units to draw there is no p value; it is not one of the tests then.
    corrected = iter(holm([one.p for one in best.differences if math.isfinite(one.p)]))

    def kept(value: float) -> float | None:
        return round(value, _DIGITS) if math.isfinite(value) else None

    return Pairs(
        rows=tuple(ids[met.members[place].key] for place in best.places),
        competing=len(met.members),
        test=best.differences[0].test,
        units=best.unit,
        differences=tuple(
            (
                *(kept(metric.scale * end) for end in (one.value, one.low, one.high)),
                kept(next(corrected)) if math.isfinite(one.p) else None,
            )
            for one in best.differences
        ),
    )


def rank_intervals(
    met: Competition, found: Mapping[str, Mapping[str, Score]]
) -> dict[str, dict[str, Rank]]:
    """Return rank intervals of the rows of one budget, by metric and key of the entry.

    There are no ranks of a single row, across different test sets, or without a score.

    Args:
        met: The rows of one budget.
        found: Their scores, and those of others, by key and metric.
    """
    ranks: dict[str, dict[str, Rank]] = {}
    for keys, comparison in _ranked(met, found):
        try:
            of_metrics = comparison.rank_intervals()
        except StageError as error:
            _log.warning("no ranks: %s", error)
            continue
        for name, of_metric in of_metrics.items():
            ranks[name] = dict(zip(keys, of_metric, strict=True))
    return ranks


def outcomes(
    met: Competition, found: Mapping[str, Mapping[str, Score]], main: Metric
) -> Iterator[Callable[[], object]]:
    """Yield what computes all of the above, for processes that do so.

    Args:
        met: The rows of one budget.
        found: Their scores, and those of others, by key and metric.
        main: The metric by which every two are compared.
    """
    for _, comparison in _ranked(met, found):
        yield comparison.rank_intervals
    for_winners, for_pairs = met.by(met.metrics), met.by([main])
    if for_winners is not None and for_pairs is not None:
        yield for_winners.winners
        yield partial(for_pairs.best_compared, COMPARED)


def _ranked(
    met: Competition, found: Mapping[str, Mapping[str, Score]]
) -> Iterator[tuple[tuple[str, ...], Comparison]]:
    """Yield the keys of those that have a score by the same metrics, two or more, and them."""
    by_competitors: dict[tuple[str, ...], list[Metric]] = defaultdict(list)
    for metric in met.metrics:
        scores = {entry.key: found[entry.key][metric.name] for entry in met.members}
        scored = [key for key, score in scores.items() if getattr(score, met.kind) is not None]
        by_competitors[tuple(scored)].append(metric)
    for keys, of_metrics in by_competitors.items():
        if len(keys) > 1:
            results = [found[key][of_metrics[0].name].results for key in keys]
            yield keys, Comparison.of(results, of_metrics, met.kind)
