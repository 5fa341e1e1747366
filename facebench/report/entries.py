"""Entries of tables: one configuration with the results of all its seeds, and its scores.

Two results belong to one entry if they differ in the seed and the task only: the same method with
the same options, features, backbone and pretraining. The size of images is that of the task or the
model; a model that was evaluated at both on one task has an entry for each. A score is the mean
over seeds, with two measures of uncertainty: the standard deviation over seeds (variation of
training) and an interval over test items (variation of the test set).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from facebench.config.spec import digest
from facebench.errors import StageError
from facebench.protocol import ScoreKind
from facebench.report.groups import Group, comparable, learned_from, printed_beside
from facebench.report.members import members
from facebench.report.reference import Printed
from facebench.results.finding import results_by_task
from facebench.results.stats.statistics import Interval, intervals
from facebench.results.store import Result, read_result
from facebench.runtime.garbage import collected_seldom
from facebench.task import Metric

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MethodEntry:
    """One configuration and its results.

    Args:
        key: Hash of the configuration; names the entry.
        method: Name of the plugin.
        title: Title of the method in papers.
        feature: Which feature was evaluated.
        backbone: Name of the backbone.
        preset: Name of the preset (its values are in the configuration).
        pretraining: Description of the pretraining data.
        pretrain_data: Name of the pretraining data; empty if there are none.
        configuration: Everything that the key depends on, as JSON.
        results: Results by group of comparable results, in the order of their seeds.
    """

    key: str
    method: str
    title: str
    feature: str
    backbone: str
    preset: str
    pretraining: str
    pretrain_data: str
    configuration: Mapping[str, Any]
    results: Mapping[Group, tuple[Result, ...]]

    @property
    def all_results(self) -> tuple[Result, ...]:
        """Return every result, group by group."""
        return tuple(result for of_group in self.results.values() for result in of_group)

    @property
    def labelled(self) -> bool:
        """Return whether it learned from labels."""
        data = self.all_results[0].record.pretrain.data
        return data is not None and data.labels is not None

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the seeds of the results."""
        return tuple(sorted({r.spec.seed for r in self.all_results}))


@dataclass(frozen=True)
class Score:
    """Score of an entry by one metric of one group; values as stored, not scaled.

    Args:
        metric: Name, title, direction, and the scale from stored to printed values.
        results: The results, one for each seed.
        honest: Mean over seeds; None if some seed has no value.
        std: Standard deviation over seeds (ddof 1); None for a single one.
        interval: 95 % interval of the mean over seeds, over test items; None if there are too few
            units to resample.
        paper: Mean over seeds by the paper's protocol.
        paper_std: Standard deviation of ``paper`` over seeds.
        printed: Number that a paper prints for the method.
    """

    metric: Metric
    results: tuple[Result, ...]
    honest: float | None
    std: float | None
    interval: Interval | None
    paper: float | None
    paper_std: float | None
    printed: Printed | None

    def shown(self, value: float | None) -> float | None:
        """Return a stored value on the printed scale."""
        return None if value is None else self.metric.scale * value


@collected_seldom()
def stored_results(root: Path, *, strict: bool = False) -> list[Result]:
    """Read every result of a folder, ``<task>/<name>.json``, in the order of their paths.

    A file that is no result, or that changed since it was written, is left out with a warning. How
    many results have no seal is told, too.

    Args:
        root: Folder of results.
        strict: Raise for the first such file instead.

    Raises:
        StageError: The folder is missing, results are not where they are expected, or there are
            files and none of them can be used.
    """
    paths, found, errors = results_by_task(root), [], list[StageError]()
    for path in paths:
        try:
            found.append(read_result(path))
        except StageError as error:
            errors.append(error)
            if strict or len(errors) == len(paths):
                raise
            _log.warning("left out: %s", error)
    unsealed = sum(result.record.seal is None for result in found)
    if unsealed:
        _log.info(
            "%d of %d results have no seal, since an earlier version wrote them; facebench results "
            "validate %s computes their scores again",
            unsealed, len(found), root,
        )  # fmt: skip
    return found


def entries(results: Iterable[Result]) -> list[MethodEntry]:
    """Sort results into entries, ordered by method, feature, backbone and what was learned from.

    Of several results of one configuration, task and seed (the data changed in between) the one
    that was written last counts, with a warning. A result of a probe that trains no head stands
    beside those of trained heads, if these agree on how heads are trained.
    """
    found = [_entry(*part) for part in members(results)]
    return sorted(found, key=_place)


def _place(entry: MethodEntry) -> tuple[str | int, ...]:
    # Without the hash, so that similar settings are adjacent; 6,656 images stand before 13,184.
    images = entry.all_results[0].record.pretrain.images_seen
    options = json.dumps(dict(entry.configuration), sort_keys=True)
    return (
        entry.title.casefold(), entry.feature, entry.backbone, entry.pretrain_data, images,
        entry.pretraining, entry.preset, options,
    )  # fmt: skip


def metrics(results: Sequence[Result]) -> tuple[Metric, ...]:
    """Return the metrics that a paper prints for the results' task, left to right."""
    return results[0].record.task.columns


def main_metric(results: Sequence[Result]) -> Metric:
    """Return the main metric of the results' task."""
    return results[0].metric


def scores(entry: MethodEntry, group: Group) -> dict[str, Score]:
    """Return an entry's scores by the columns and the main metric of a group; none without results.

    Raises:
        StageError: Predictions are missing, or those of two seeds are not of one test set.
    """
    results = entry.results.get(group, ())
    if not results:
        return {}
    columns = {metric.name: metric for metric in (*metrics(results), main_metric(results))}
    ends = intervals(results, tuple(columns.values()))
    return {name: _score(entry, metric, results, ends[name]) for name, metric in columns.items()}


def _entry(shared: dict[str, Any], results: list[Result]) -> MethodEntry:
    record = results[0].record
    spec, data = record.spec, record.pretrain.data
    return MethodEntry(
        key=digest(shared),
        method=record.method.name,
        title=record.method.title,
        feature=spec.extract.feature,
        backbone=spec.backbone,
        preset=spec.preset,
        pretraining=learned_from(record).removeprefix(", "),
        pretrain_data="" if data is None else data.name,
        configuration=shared,
        results={group: _by_seed(members) for group, members in comparable(results).items()},
    )


def _by_seed(results: list[Result]) -> tuple[Result, ...]:
    """One result for each seed."""
    chosen: dict[int, Result] = {}
    for result in sorted(results, key=lambda r: (r.record.created, r.path.name)):
        seed = result.spec.seed
        if seed in chosen:
            _log.warning(
                "%s is left out: %s is newer and of the same configuration, task and seed",
                chosen[seed].path.name,
                result.path.name,
            )
        chosen[seed] = result
    return tuple(chosen[seed] for seed in sorted(chosen))


def _score(
    entry: MethodEntry, metric: Metric, results: tuple[Result, ...], interval: Interval | None
) -> Score:
    honest, std = _over_seeds(results, "honest", metric.name)
    paper, paper_std = _over_seeds(results, "paper", metric.name)
    return Score(
        metric=metric,
        results=results,
        honest=honest,
        std=std,
        interval=interval,
        paper=paper,
        paper_std=paper_std,
        printed=printed_beside(results[0].record, metric.name),
    )


def _over_seeds(
    results: Sequence[Result], kind: ScoreKind, name: str
) -> tuple[float | None, float | None]:
    values = [result.scores.of(kind).value(name) for result in results]
    if any(value is None for value in values):
        return None, None
    return fmean(values), stdev(values) if len(values) > 1 else None
