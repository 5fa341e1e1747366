"""Comparisons of rows on the same test items: ranks, the best of one budget, every two of them."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from facebench.errors import StageError
from facebench.protocol import ScoreKind
from facebench.report.board.model import Pairs, Rank
from facebench.report.entries import MethodEntry, Score
from facebench.report.groups import Group
from facebench.results.stats import statistics
from facebench.results.stats.significance import holm
from facebench.results.stats.statistics import Contest, contests
from facebench.task import Metric

COMPARED = 20  # rows of which every two are compared: 190 differences
_DIGITS = 6  # of differences and p values

_log = logging.getLogger(__name__)

# The rows of one budget in a group, and how they met by metric; none if fewer than two.
Competition = tuple[Sequence[MethodEntry], Mapping[str, Contest]]


def competition(
    group: Group, competing: Sequence[MethodEntry], shown: Sequence[Metric], kind: ScoreKind
) -> Competition:
    """Let the rows of one budget meet that were judged in a group."""
    members = [entry for entry in competing if group in entry.results]
    if len(members) < 2:
        return members, {}
    try:
        return members, contests([entry.results[group] for entry in members], shown, kind)
    except StageError:  # reported where ranks are made
        return members, {}


def best_of(met: Competition) -> dict[str, str]:
    """Return by metric the key of the row that is significantly the best, if one is."""
    members, of_metric = met
    return {
        name: members[contest.best].key
        for name, contest in of_metric.items()
        if contest.significantly_best()
    }


def pairs(met: Competition, metric: Metric, ids: Mapping[str, str]) -> Pairs | None:
    """Compare every two of the best rows by one metric; None if there are no two.

    Args:
        met: The rows of one budget and how they met.
        metric: By which they are compared.
        ids: Identifiers of rows, by the keys of entries.
    """
    members, of_metric = met
    contest = of_metric.get(metric.name)
    if contest is None or not np.isfinite(contest.values).all():
        return None
    sign = -1 if metric.higher_is_better else 1
    order = np.argsort(sign * contest.values, kind="stable")[:COMPARED].tolist()
    found = [contest.difference(a, b) for a, b in combinations(order, 2)]
    # Without enough units to draw there is no p value; it is not one of the tests then.
    corrected = iter(holm([one.p for one in found if math.isfinite(one.p)]))

    def kept(value: float) -> float | None:
        return round(value, _DIGITS) if math.isfinite(value) else None

    return Pairs(
        rows=tuple(ids[members[place].key] for place in order),
        competing=len(members),
        test=found[0].test,
        units=contest.units.name,
        differences=tuple(
            (
                *(kept(metric.scale * end) for end in (one.value, one.low, one.high)),
                kept(next(corrected)) if math.isfinite(one.p) else None,
            )
            for one in found
        ),
    )


def rank_intervals(
    found: Sequence[Mapping[str, Score]], shown: Sequence[Metric], kind: ScoreKind
) -> dict[str, dict[int, Rank]]:
    """Rank intervals by metric and place among those found.

    There are no ranks of a single method, across different test sets, or without a score.
    """
    ranks: dict[str, dict[int, Rank]] = {}
    by_competitors: dict[tuple[int, ...], list[Metric]] = defaultdict(list)
    for metric in shown:
        scored = [getattr(of_entry[metric.name], kind) is not None for of_entry in found]
        by_competitors[tuple(np.flatnonzero(scored).tolist())].append(metric)
    for competing, of_metrics in by_competitors.items():
        if len(competing) < 2:
            continue
        results = [found[place][of_metrics[0].name].results for place in competing]
        try:
            met = statistics.rank_intervals(results, of_metrics, kind)
        except StageError as error:
            _log.warning("no ranks: %s", error)
            continue
        for name, of_metric in met.items():
            ranks[name] = dict(zip(competing, of_metric, strict=True))
    return ranks
