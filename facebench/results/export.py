"""Results as one long, tidy table: a row for each result, protocol and metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from facebench.errors import UnknownNameError
from facebench.rendering.characters import csv_value
from facebench.results.scores import KINDS, SHOWN, Block, Scores
from facebench.results.store import Result
from facebench.runtime.atomic import atomic_file

FORMATS = ("csv", "parquet", "json")  # of the long table
MODEL_CARD = "hf"

_NO_METRIC = "best_epoch"  # the only scalar among scores that is none


def long_table(results: Iterable[Result]) -> pd.DataFrame:
    """Return every score of results in a row of its own, sorted as the results are.

    ``protocol`` is ``validated`` or ``test-selected``, with ``, without exact leaks`` and the like
    where leaked test items were left out. ``value``, ``low`` and ``high`` are as stored (accuracy
    in 0..1, errors in degrees); a score of several values gives a row for each,
    ``class_recalls[0]``. A missing interval is NaN.
    """
    rows = [{**_origin(result), **score} for result in results for score in _scores(result.scores)]
    return pd.DataFrame(rows)


def write_table(table: pd.DataFrame, kind: str, out: Path | None) -> str:
    """Write a table to a file, or return it as text.

    Args:
        table: Table from ``long_table``.
        kind: One of ``FORMATS``.
        out: The file; without it csv and json are returned.

    Returns:
        The text, or nothing if it was written.

    Raises:
        UnknownNameError: There is no such format, or it cannot be shown as text.
    """
    if kind not in FORMATS:
        raise UnknownNameError("format", kind, FORMATS, where="--format")
    if kind == "parquet":
        if out is None:
            raise UnknownNameError("format", kind, FORMATS[::2], where="--format without --out")
        with atomic_file(out) as temporary:
            table.to_parquet(temporary, index=False)
        return ""
    text: str = (
        table.map(csv_value).to_csv(index=False, lineterminator="\n")
        if kind == "csv"
        else table.to_json(orient="records", indent=1, double_precision=15) + "\n"
    )
    return write_text(text, out)


def write_text(text: str, out: Path | None) -> str:
    """Write text to a file and return nothing; without a file, return it."""
    if out is None:
        return text
    with atomic_file(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return ""


def _origin(result: Result) -> dict[str, Any]:
    """Return what all rows of a result share."""
    record = result.record
    spec, task, stages = record.spec, record.task, record.stages
    data = record.pretrain.data
    return {
        "task": task.name,
        "task_version": task.version,
        "task_protocol": task.protocol[0],
        "protocol_version": task.protocol[1],
        "synthetic": task.synthetic,
        "data": task.fingerprint,
        "method": spec.method,
        "method_version": record.method.version,
        "feature": spec.extract.feature,
        "backbone": spec.backbone,
        "preset": spec.preset,
        "seed": spec.seed,
        "image_size": spec.extract.image_size,
        "limit": spec.limit,
        "pretrain_data": data and data.name,
        "pretrain_synthetic": data and data.synthetic,
        "pretrain_fingerprint": data and data.fingerprint,
        "images_seen": record.pretrain.images_seen,
        "n_test": record.n_test,
        "n_scored": record.n_scored,
        "checkpoint": stages.checkpoint,
        "weights_digest": stages.weights_digest,
        "features": stages.features,
        "result": stages.result,
        "facebench": record.environment.packages["facebench"],
        "git_commit": record.environment.git_commit,
        "created": record.created,
        "file": result.path.name,
    }


def _scores(scores: Scores) -> Iterator[dict[str, Any]]:
    blocks: dict[str, Block] = {SHOWN[kind]: scores.of(kind) for kind in KINDS}
    for name, level in scores.levels().items():
        blocks |= {f"{SHOWN[kind]}, without {name} leaks": level.of(kind) for kind in KINDS}
    for protocol, block in blocks.items():
        for metric, value, ends in _values(block.plain()):
            low, high = ends
            yield {
                "protocol": protocol, "metric": metric, "value": value, "low": low, "high": high
            }  # fmt: skip


def _values(block: dict[str, Any]) -> Iterator[tuple[str, Any, tuple[Any, Any]]]:
    """Yield every number that is a score, with its interval: not the curves, not the choices."""
    intervals = block["intervals"]
    for name, value in sorted(block.items()):
        if isinstance(value, list) and name in intervals:
            for number, cells in enumerate(zip(value, *intervals[name], strict=True)):
                yield f"{name}[{number}]", cells[0], (cells[1], cells[2])
        elif not isinstance(value, (list, dict, str)) and name != _NO_METRIC:
            low, high = intervals.get(name, (None, None))
            yield name, value, (low, high)
