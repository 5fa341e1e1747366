"""Provenance of a score, as shown by the leaderboard for each cell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facebench.report.board.breakdown import Part, breakdowns
from facebench.report.board.declared import Declared
from facebench.report.groups import alignment_words, concerns, leak_free, learned_from
from facebench.results.record import Record
from facebench.results.scores import KINDS
from facebench.results.signatures import signer
from facebench.results.store import Result

# Keys of a task's leaks; the lists of images are in the result file only.
_LEAKS = ("between", "exact", "near", "subjects", "tested", "unit")
_DATASET = ("name", "title", "version", "protocol", "synthetic", "counts", "fingerprint")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One result behind a score.

    Args:
        file: Result file, from the folder of results.
        seed: Seed of the run.
        created: Time of writing, from the file.
        n_test: Number of test items.
        n_scored: Number of test items with a score.
        broken_images: Images that could not be read.
        learned: Description of the pretraining data.
        pretrain_data: Name, count of images, fingerprint and shared identities of that data.
        warnings: Warnings of the dataset and of the pretraining data that concern its task.
        seconds: How long each stage took.
        alignment: How images were aligned, in words.
        length: Length of a feature; None where the result does not state it.
        parameters: Parameters of the backbone; likewise.
        signed: Number of the key that signed it, which is not checked here; empty without one.
        stages: Hashes of the stages, and the digest of the weights.
        spec: Specification of the run, without its groups of options.
        options: Groups of options, each by its position among the leaderboard's options.
        parts: Breakdowns of the scores: what each is of, by its position among the leaderboard's
            layouts, and its values of both kinds.
        leak_free: Scores without leaked test items, if they were requested.
        origin: Position among the leaderboard's origins.
        dataset: Position among the leaderboard's datasets.
        environment: Position among the leaderboard's environments.
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
    seconds: Mapping[str, Any]
    alignment: str
    length: int | None
    parameters: int | None
    signed: str
    stages: Mapping[str, Any]
    spec: Mapping[str, Any]
    options: Mapping[str, int]
    parts: tuple[Mapping[str, Any], ...]
    leak_free: tuple[Mapping[str, Any], ...]
    origin: int
    dataset: int
    environment: int


class Pool:
    """Distinct JSON values, in the order in which they were added."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self.values: list[Any] = []

    def place(self, value: Any) -> int:
        """Return the position of ``value``, adding it if it is new."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]


@dataclass(frozen=True)
class Pools:
    """What many results share, each once."""

    datasets: Pool = field(default_factory=Pool)
    origins: Pool = field(default_factory=Pool)
    environments: Pool = field(default_factory=Pool)
    options: Pool = field(default_factory=Pool)
    layouts: Pool = field(default_factory=Pool)


def runs_of(results: Sequence[Result], root: Path) -> tuple[tuple[Run, ...], Pools]:
    """Return the provenance of every result, and what they share.

    Args:
        results: Results in the order of the cells' positions.
        root: Folder of results; paths of files are relative to it.
    """
    pools, declared = Pools(), Declared()
    return tuple(_run(result, root, pools, declared) for result in results), pools


def _run(result: Result, root: Path, pools: Pools, declared: Declared) -> Run:
    record, data = result.record, result.record.pretrain.data
    task, leaks = record.task.plain(), record.task.leaks.plain()
    dataset = {name: task[name] for name in _DATASET}
    dataset["leaks"] = {name: leaks[name] for name in _LEAKS if name in leaks}
    learned = None
    if data is not None:
        names = ("name", "images", "fingerprint", "identity_overlap")
        learned = {name: data.value(name) for name in names}
    spec = record.spec.plain()
    groups = {name: value for name, value in spec.items() if isinstance(value, dict)}
    paper_url, code_url = declared.addresses(record)
    origin = {
        "paper": record.method.paper, "paper_url": paper_url, "code_url": code_url,
        "later": declared.later(record), "own_backbone": declared.own_backbone(record),
    }  # fmt: skip
    return Run(
        file=result.path.relative_to(root).as_posix(),
        seed=record.spec.seed,
        created=record.created,
        n_test=record.n_test,
        n_scored=record.n_scored,
        broken_images=record.broken_images,
        learned=learned_from(record).removeprefix(", "),
        pretrain_data=learned,
        warnings=tuple(text for text in record.warnings if concerns(text, task["title"])),
        seconds=record.seconds.plain(),
        alignment=alignment_words(record),
        length=record.feature_length,
        parameters=record.backbone_parameters,
        signed=signer(result.path),
        stages=record.stages.plain(),
        spec={name: value for name, value in spec.items() if name not in groups},
        options={name: pools.options.place(value) for name, value in groups.items()},
        parts=tuple(_parts(breakdowns(record, declared.classes(record)), pools)),
        leak_free=tuple(_without_leaks(record)),
        origin=pools.origins.place(origin),
        dataset=pools.datasets.place(dataset),
        environment=pools.environments.place(record.environment.plain()),
    )


def _parts(found: Iterable[Part], pools: Pools) -> Iterator[dict[str, Any]]:
    """Yield the breakdowns of a result's scores, each with the place of what it is of."""
    for part in found:
        layout = {"title": part.title, "names": part.names, "counts": part.counts}
        yield {"layout": pools.layouts.place(layout), "honest": part.honest, "paper": part.paper}


def _without_leaks(record: Record) -> list[dict[str, Any]]:
    """Return the scores of both protocols without leaked items."""
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
