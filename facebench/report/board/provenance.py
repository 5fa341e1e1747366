"""Where a score comes from, as the leaderboard shows it for any cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facebench.config.spec import digest
from facebench.report.groups import leak_free, learned_from
from facebench.results.record import Record
from facebench.results.scores import KINDS
from facebench.results.store import Result

# Of a task's leaks; the lists of images are left to the result file.
_LEAKS = ("between", "exact", "near", "subjects", "tested", "unit")
_DATASET = ("name", "title", "version", "protocol", "synthetic", "counts", "fingerprint")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One result behind a score.

    Args:
        file: Result file, from the folder of results.
        seed: Of the run.
        created: When it was written, as the file says.
        n_test: Items of the test.
        n_scored: Of them, how many have a score.
        broken_images: Images that could not be read.
        learned: What the representation was learned from, in words.
        pretrain_data: Name, count of images, fingerprint and shared identities of that data.
        warnings: Of the dataset and of the pretraining data.
        stages: Hashes of the stages, and the digest of the weights.
        spec: All that was asked for.
        leak_free: Scores without test items that leak, if they were asked for.
        dataset: Its place among the leaderboard's datasets.
        environment: Its place among the leaderboard's environments.
    """

    file: str
    seed: int
    created: str
    n_test: int
    n_scored: int
    broken_images: int
    learned: str
    pretrain_data: Mapping[str, Any] | None
    warnings: tuple[str, ...]
    stages: Mapping[str, Any]
    spec: Mapping[str, Any]
    leak_free: tuple[Mapping[str, Any], ...]
    dataset: int
    environment: int


class Pool:
    """Equal JSON values, kept once, in the order in which they came."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self.values: list[Any] = []

    def place(self, value: Any) -> int:
        """Return where ``value`` stands, and add it if it is new."""
        key = digest(value)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]


def runs_of(
    results: Sequence[Result], root: Path
) -> tuple[tuple[Run, ...], tuple[Any, ...], tuple[Any, ...]]:
    """Return what is behind every result, the datasets and the environments that they name.

    Args:
        results: In the order in which cells count them.
        root: Folder of results; files are named from there.
    """
    datasets, environments = Pool(), Pool()
    runs = [_run(result, root, datasets, environments) for result in results]
    return tuple(runs), tuple(datasets.values), tuple(environments.values)


def _run(result: Result, root: Path, datasets: Pool, environments: Pool) -> Run:
    record, data = result.record, result.record.pretrain.data
    task, leaks = record.task.plain(), record.task.leaks.plain()
    dataset = {name: task[name] for name in _DATASET}
    dataset["leaks"] = {name: leaks[name] for name in _LEAKS if name in leaks}
    learned = None
    if data is not None:
        names = ("name", "images", "fingerprint", "identity_overlap")
        learned = {name: data.value(name) for name in names}
    return Run(
        file=result.path.relative_to(root).as_posix(),
        seed=record.spec.seed,
        created=record.created,
        n_test=record.n_test,
        n_scored=record.n_scored,
        broken_images=record.broken_images,
        learned=learned_from(record).removeprefix(", "),
        pretrain_data=learned,
        warnings=record.warnings,
        stages=record.stages.plain(),
        spec=record.spec.plain(),
        leak_free=tuple(_without_leaks(record)),
        dataset=datasets.place(dataset),
        environment=environments.place(record.environment.plain()),
    )


def _without_leaks(record: Record) -> list[dict[str, Any]]:
    """Printed scores of both protocols, without what leaks."""
    task = record.task
    scales = {metric.name: metric.scale for metric in (*task.columns, task.main_metric)}
    lines = []
    for name, level in leak_free(record):
        kept: dict[str, Any] = {
            kind: {
                metric: scale * level.of(kind).value(metric)
                for metric, scale in scales.items()
                if level.of(kind).value(metric) is not None
            }
            for kind in KINDS
        }
        lines.append({"name": name, **kept})
    return lines
