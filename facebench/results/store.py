"""Results: one JSON per (method, task, seed) with its per-sample predictions beside it.

A result is never edited. Its file name carries the hash of everything that its scores depend
on, so runs with other options have other names; only ``--force`` writes one again.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic_core import from_json

from facebench.config.spec import RunSpec, digest, plain
from facebench.errors import StageError
from facebench.protocol import ScoreKind
from facebench.results.record import FORMAT, FORMATS, Record
from facebench.results.schema import read_form
from facebench.results.scores import Scores, shown_kind
from facebench.results.sealing import check_seal, sealed_result
from facebench.results.settings import Settings
from facebench.results.stored_predictions import StoredPredictions
from facebench.runtime.atomic import atomic_file, atomic_write
from facebench.runtime.seal import SEAL
from facebench.runtime.workspace import read_record, to_json
from facebench.task import Metric

SIGNATURE = ".minisig"  # beside a result that was signed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Result:
    """One stored result: a method, learned with one seed, evaluated on one task.

    Args:
        path: Path of the JSON file.
        record: Its content.
    """

    path: Path
    record: Record

    @property
    def spec(self) -> Settings:
        """Return what was run: method, task, seed, backbone and every option."""
        return self.record.spec

    @property
    def metric(self) -> Metric:
        """Return the task's main metric: name, title, direction, scale from stored to printed."""
        return self.record.task.main_metric

    @property
    def scores(self) -> Scores:
        """Return the scores, ``validated.accuracy``, ``test_selected.value("f1_au12")``.

        Values are as stored, not scaled: shares in 0..1, errors in degrees.
        """
        return self.record.scores

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of the honest main score over test items, as stored.

        Of pairs it is over groups of people who share pairs. None if there are too few items to
        draw, or an earlier version wrote the result and its predictions are missing.
        """
        from facebench.results.stats.statistics import interval_of  # which reads results

        return interval_of(self, self.metric)

    @cached_property
    def predictions_path(self) -> Path:
        """Return the path of the per-sample predictions (parquet)."""
        return self.path.with_suffix(".parquet")

    @cached_property
    def stored_predictions(self) -> StoredPredictions:
        """Return where the predictions are, with what scoring them takes of the record."""
        task = self.record.task
        shown = dict.fromkeys(metric.name for metric in (*task.columns, task.main_metric))
        return StoredPredictions(
            path=self.predictions_path,
            task=task.title,
            protocol=task.protocol[0],
            metrics=tuple(shown),
            scored=self.record.n_scored,
            resamples=self.spec.probe.resamples,
        )

    @property
    def predictions(self) -> pd.DataFrame:
        """Return the per-sample predictions, one row per test item, read anew from their file.

        Raises:
            StageError: The file is missing, or cannot be read.
        """
        return self.stored_predictions.read()

    def __repr__(self) -> str:
        return f"Result({summary(self.record)}; {self.path})"


def summary(record: Record) -> str:
    """Return a result in a line: who, on what, and both scores on the printed scale.

    ``SimCLR f_s, seed 0, on RAF-DB: Accuracy (%) 42.50 validated, 43.17 test-selected, SYNTHETIC``
    """
    spec, task = record.spec, record.task
    metric = task.main_metric

    def shown(kind: ScoreKind) -> str:
        value = record.scores.of(kind).value(metric.name)
        number = "no value" if value is None else f"{metric.scale * value:.2f}"
        return f"{number} {shown_kind(kind, task.protocol[0])}"

    who = f"{record.method.title} {spec.extract.feature}, seed {spec.seed}"
    kind = ", SYNTHETIC" if task.synthetic else ""
    part = f", only {spec.limit:,} items of each split" if spec.limit else ""
    scores = f"{shown('honest')}, {shown('paper')}"
    return f"{who}, on {task.title}: {metric.title} {scores}{kind}{part}"


def result_key(
    protocol: Sequence[Any], features_key: str, probe: Any, *, seed: int, dedup_test: bool
) -> str:
    """Return the hash that names a result: of everything that its scores depend on.

    Args:
        protocol: Name and version.
        features_key: The hash of the features.
        probe: Its spec, or the same as JSON.
        seed: Seed of the run.
        dedup_test: Whether it is scored without leaks, too.
    """
    inputs = {
        "protocol": list(protocol),
        "features": features_key,
        "probe": plain(probe),
        "seed": seed,
    }
    return digest(inputs | {"dedup test": True} if dedup_test else inputs)


def relative_path(spec: RunSpec | Settings, key: str) -> Path:
    """Return where a result stands in a folder of results.

    Args:
        spec: What was run.
        key: The result's hash.
    """
    backbone = spec.backbone.replace(":", "_").replace("/", "_")
    name = f"{spec.method}-{backbone}-{spec.extract.feature}-s{spec.seed}-{key}.json"
    return Path(spec.task, name)


class ResultStore:
    """A folder of results, ``<task>/<method>-<backbone>-<feature>-s<seed>-<hash>.json``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, spec: RunSpec, key: str) -> Path:
        """Return where the result of ``spec`` with this hash stands."""
        return self.root / relative_path(spec, key)

    def find(self, spec: RunSpec, key: str) -> Result | None:
        """Return the stored result of ``spec``; None if there is none that is as it was written."""
        path = self.path(spec, key)
        if not path.exists():
            return None
        try:
            return read_result(path)
        except StageError as error:
            _log.warning("%s It is evaluated again.", error)
            return None

    def write(
        self, spec: RunSpec, key: str, record: dict[str, Any], predictions: pd.DataFrame
    ) -> Result:
        """Write a result; predictions first, so that a JSON file is never without them.

        Raises:
            StageError: The record is not of the form of a result.
        """
        path = self.path(spec, key)
        unsealed = {key: value for key, value in record.items() if key != SEAL}
        result = Result(path, read_form({**unsealed, "format": FORMAT}, path))
        path.with_suffix(SIGNATURE).unlink(missing_ok=True)  # of what was there before
        with atomic_file(result.predictions_path) as temporary:
            predictions.to_parquet(temporary, index=False)
        whole = sealed_result(result.record.plain(), result.predictions_path)
        atomic_write(path, to_json(whole))
        return Result(path, read_form(whole, path))


def read_result(path: Path) -> Result:
    """Read one result file, and check its seal and that of its predictions.

    Raises:
        StageError: It is missing, is not JSON, of another format version, not whole, or it or its
            predictions changed since they were written.
    """
    content = read_record(path, FORMATS, from_json)
    record = read_form(content, path)
    check_seal(content, record, path)
    return Result(path, record)


def now() -> str:
    """Return the time of writing, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
