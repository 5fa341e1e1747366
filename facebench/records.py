"""What checkpoints and results say about method, task and data that they come from, as JSON."""

from __future__ import annotations

from typing import Any

from facebench.dataset import Dataset
from facebench.evaluate.protocols import PROTOCOL_VERSION
from facebench.method import Method
from facebench.pretrain.sources import Source
from facebench.spec import plain


def method_record(method: type[Method]) -> dict[str, Any]:
    """Return what a result says about its method."""
    info = method.info
    return {"name": info.name, "title": info.title, "version": info.version, "paper": info.paper}


def task_record(dataset: Dataset) -> dict[str, Any]:
    """Return what a result says about its task and data."""
    info = dataset.task.info
    return {
        "name": info.name,
        "title": info.title,
        "version": info.version,
        "protocol": [info.protocol, PROTOCOL_VERSION],
        "family": info.family,
        "main_metric": plain(info.main_metric),
        "columns": [plain(column) for column in info.columns or (info.main_metric,)],
        "synthetic": dataset.synthetic,
        "fingerprint": dataset.fingerprint,
        "counts": dict(dataset.counts),
        "warnings": list(dataset.warnings),
    }


def source_record(source: Source) -> dict[str, Any]:
    """Return what a checkpoint says about the images that it learned from."""
    return {
        "name": source.name,
        "synthetic": source.synthetic,
        "images": len(source),
        "fingerprint": source.fingerprint,
        "warnings": list(source.warnings),
    }
