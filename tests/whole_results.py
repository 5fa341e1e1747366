"""Whole results as JSON, the same for all tests but for what a test changes."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from facebench.config.spec import ExtractSpec, RunSpec, spec_record
from facebench.results.record import Record
from facebench.results.sealing import sealed_result
from facebench.results.store import Result

METRIC = {"name": "accuracy", "title": "Accuracy (%)", "scale": 100.0, "higher_is_better": True}
SCORES: dict[str, dict[str, Any]] = {
    "classification": {
        "accuracy": 0.5, "macro_f1": 0.5, "balanced_accuracy": 0.5, "class_recalls": [0.5, 0.5],
        "confusion": [[1, 1], [1, 1]],
    },
    "multilabel": {"f1": 0.5, "f1_by_fold": [0.5], "f1_pooled": 0.5},
    "regression": {"mae": 5.0},
    "verification": {
        "variant": "exact", "accuracy": 0.5, "accuracy_by_fold": [0.5, 0.5],
        "thresholds": [0.5, 0.5], "roc_auc": 0.5, "std_over_folds": 0.0, "standard_error": 0.0,
    },
}  # fmt: skip
PAPER_SCORES: dict[str, dict[str, Any]] = {
    "classification": {
        "best_epoch": 1, "test_accuracy_by_epoch": [0.5], "accuracy_last_epoch": 0.5
    },
    "multilabel": {
        "best_epoch_by_fold": [1], "test_f1_by_fold_and_epoch": [[0.5]], "f1_last_epoch": 0.5
    },
    "regression": {"best_epoch": 1, "test_mae_by_epoch": [5.0], "mae_last_epoch": 5.0},
    "verification": {},
}  # fmt: skip
DATA = {
    "name": "voxceleb", "synthetic": True, "images": 12, "fingerprint": "a" * 64, "warnings": [],
    "broken": [],
}  # fmt: skip
LEAKS = {
    "between": "train and test", "unit": "image", "tested": 2, "exact": 0, "near": 0,
    "near_bits": 6, "exact_images": [], "near_images": [], "subjects": None,
}  # fmt: skip


def whole_json(protocol: str = "classification", **changes: Any) -> dict[str, Any]:
    """Return a result of a protocol as JSON; objects among the changes change some keys alone.

    Of protocols that are unknown here the scores are what all have in common.
    """
    spec = RunSpec(
        method="pcl", task="rafdb", backbone="facecycle16", seed=0, preset="quick",
        extract=ExtractSpec(feature="f_s", image_size=100),
    )  # fmt: skip
    main = {"multilabel": "f1", "regression": "mae"}.get(protocol, "accuracy")
    of_kind = {**SCORES.get(protocol, {}), "intervals": {main: [0.25, 0.75]}}
    record = {
        "format": 2,  # which needs no seal
        "spec": {**spec_record(spec), "method_options": {}, "task_options": {}},
        "stages": {
            "checkpoint": "c" * 16, "features": "f" * 16, "result": "e" * 16,
            "weights_digest": "d" * 64,
        },
        "method": {"name": "pcl", "title": "PCL", "version": 1, "paper": "", "needs": "images"},
        "pretrain": {"data": DATA, "images_seen": 12800, "history": []},
        "task": {
            "name": "rafdb", "title": "RAF-DB", "version": 1, "protocol": [protocol, 1],
            "family": "expression", "main_metric": METRIC, "columns": [METRIC],
            "synthetic": False, "fingerprint": "b" * 64, "counts": {"test": 2}, "leaks": LEAKS,
            "warnings": [],
        },
        "n_test": 2,
        "n_scored": 2,
        "scores": {"honest": of_kind, "paper": {**of_kind, **PAPER_SCORES.get(protocol, {})}},
        "details": {},
        "floors": {"no floor": {"no metric": 0.0}},
        "broken_images": 0,
        "seconds": {"pretrain": 0.1, "extract": 0.2, "probe": 0.3},
        "environment": {
            "device": "cpu", "git_commit": None, "packages": {"facebench": "0.1.0"},
            "platform": "a tiny machine", "python": "3.11", "memory_gib": 1.0,
        },
        "created": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    whole: dict[str, Any] = merged(deepcopy(record), changes)
    return whole


def whole_record(protocol: str = "classification", **changes: Any) -> Record:
    """Return the same, read."""
    return Record.model_validate(whole_json(protocol, **changes))


def whole_result(protocol: str = "classification", **changes: Any) -> Result:
    """Return the same as a result that is on no disk."""
    return Result(Path("x.json"), whole_record(protocol, **changes))


def changed(result: Result, **changes: Any) -> Result:
    """Return a result with other values; its file stays as it is."""
    return Result(result.path, Record.model_validate(merged(result.record.plain(), changes)))


def rewritten(result: Result, **changes: Any) -> Result:
    """Return a result with other values, also in its file."""
    other = changed(result, **changes)
    other.path.write_text(json.dumps(other.record.plain()), encoding="utf-8")
    reseal(other.path)
    return other


def reseal(path: Path) -> None:
    """Seal a result anew that a test has changed, so that only deeper checks can tell."""
    record = json.loads(path.read_text())
    whole = sealed_result(record, path.with_suffix(".parquet"))
    path.write_text(json.dumps(whole), encoding="utf-8")


def merged(tree: Any, changes: Any) -> Any:
    """Return JSON with changes; what is no object on both sides is replaced."""
    if not (isinstance(tree, dict) and isinstance(changes, dict)):
        return changes
    return {
        key: merged(tree.get(key), changes[key]) if key in changes else tree[key]
        for key in [*tree, *(key for key in changes if key not in tree)]
    }
