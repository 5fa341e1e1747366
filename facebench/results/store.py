"""Results: one JSON per (method, task, seed) with its per-sample predictions beside it.

A result is never edited. Its file name carries the hash of everything that its scores depend
on, so runs with other options stand side by side; only ``--force`` writes one again.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from facebench.config.spec import RunSpec, digest, plain, spec_record
from facebench.errors import StageError
from facebench.protocol import TableProtocol, find_protocol
from facebench.runtime.atomic import atomic_file, atomic_write
from facebench.runtime.workspace import read_record, to_json
from facebench.task import Metric

FORMAT = 2


@dataclass(frozen=True, repr=False)
class Result:
    """One stored result: a method, learned with one seed, judged on one task.

    Args:
        path: Of the JSON file.
        record: Its content.
    """

    path: Path
    record: dict[str, Any]

    @property
    def spec(self) -> dict[str, Any]:
        """Return what was run, as JSON: method, task, seed, backbone and every option."""
        spec: dict[str, Any] = self.record["spec"]
        return spec

    @property
    def metric(self) -> Metric:
        """Return the task's main metric: name, title, direction, scale from stored to printed."""
        return Metric(**self.record["task"]["main_metric"])

    @property
    def scores(self) -> dict[str, Any]:
        """Return the scores, ``scores["honest"]["accuracy"]``, ``scores["paper"]["accuracy"]``.

        Values are as stored, not scaled: shares in 0..1, errors in degrees.
        """
        scores: dict[str, Any] = self.record["scores"]
        return scores

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of the honest main score over test items, as stored.

        Of pairs it is over groups of people who share pairs, drawn again from the predictions. None
        if there are too few items to draw, or the predictions of pairs are missing.
        """
        from facebench.results.stats.statistics import interval_of  # which reads results

        return interval_of(self, self.metric)

    @property
    def predictions_path(self) -> Path:
        """Return the path of the per-sample predictions (parquet)."""
        return self.path.with_suffix(".parquet")

    @property
    def predictions(self) -> pd.DataFrame:
        """Return the per-sample predictions, one row per test item, read anew from their file.

        Raises:
            StageError: The file is missing.
        """
        if not self.predictions_path.exists():
            raise StageError(
                f"{self.predictions_path}: the predictions of this result are missing."
            )
        return pd.read_parquet(self.predictions_path)

    def __repr__(self) -> str:
        try:
            return f"Result({summary(self.record)}; {self.path})"
        except (KeyError, TypeError):  # not the record of a result
            return f"Result({self.path})"


def summary(record: Mapping[str, Any]) -> str:
    """Return a result in a line: who, on what, and both scores on the printed scale.

    ``SimCLR f_s, seed 0, on RAF-DB: Accuracy (%) 42.50 honest, 43.17 paper, SYNTHETIC``
    """
    spec, task, scores = record["spec"], record["task"], record["scores"]
    metric = Metric(**task["main_metric"])

    def shown(kind: str) -> str:
        value = scores[kind][metric.name]
        return f"{'no value' if value is None else f'{metric.scale * value:.2f}'} {kind}"

    who = f"{record['method']['title']} {spec['extract']['feature']}, seed {spec['seed']}"
    kind = ", SYNTHETIC" if task["synthetic"] else ""
    return f"{who}, on {task['title']}: {metric.title} {shown('honest')}, {shown('paper')}{kind}"


def result_key(
    protocol: Sequence[Any], features_key: str, probe: Any, *, seed: int, dedup_test: bool
) -> str:
    """Return the hash that names a result: of everything that its scores depend on.

    Args:
        protocol: Name and version.
        features_key: The hash of the features.
        probe: Its spec, or the same as JSON.
        seed: Of the run.
        dedup_test: Whether it is scored without leaks, too.
    """
    inputs = {
        "protocol": list(protocol),
        "features": features_key,
        "probe": plain(probe),
        "seed": seed,
    }
    return digest(inputs | {"dedup test": True} if dedup_test else inputs)


def relative_path(spec: Mapping[str, Any], key: str) -> Path:
    """Return where a result stands in a folder of results.

    Args:
        spec: As JSON, as it stands in the result.
        key: The result's hash.
    """
    backbone = spec["backbone"].replace(":", "_").replace("/", "_")
    feature = spec["extract"]["feature"]
    return Path(spec["task"], f"{spec['method']}-{backbone}-{feature}-s{spec['seed']}-{key}.json")


class ResultStore:
    """A folder of results, ``<task>/<method>-<backbone>-<feature>-s<seed>-<hash>.json``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, spec: RunSpec, key: str) -> Path:
        """Return where the result of ``spec`` with this hash stands."""
        return self.root / relative_path(spec_record(spec), key)

    def find(self, spec: RunSpec, key: str) -> Result | None:
        """Return the stored result of ``spec``, if there is one."""
        path = self.path(spec, key)
        return read_result(path) if path.exists() else None

    def write(
        self, spec: RunSpec, key: str, record: dict[str, Any], predictions: pd.DataFrame
    ) -> Result:
        """Write a result; predictions first, so that a JSON file is never without them."""
        result = Result(self.path(spec, key), {**record, "format": FORMAT})
        with atomic_file(result.predictions_path) as temporary:
            predictions.to_parquet(temporary, index=False)
        atomic_write(result.path, to_json(result.record))
        return result


def read_result(path: Path) -> Result:
    """Read one result file.

    Raises:
        StageError: It is missing, is not JSON, or of another format version.
    """
    return Result(path, read_record(path, FORMAT))


def of_pairs(record: Mapping[str, Any]) -> bool:
    """Whether the record of a result is of pairs of faces, which share images and people.

    A protocol that is unknown here is taken to be of images.
    """
    protocol: TableProtocol | None = find_protocol(record["task"]["protocol"][0])
    return protocol is not None and protocol.paired


def now() -> str:
    """Return the time of writing, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
