"""Results on disk with predictions that a test chooses, scored by the protocols' own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from whole_results import merged, whole_json

from facebench.config.spec import ExtractSpec, PretrainSpec, ProbeSpec, RunSpec, digest, spec_record
from facebench.evaluation.protocol import protocol_named
from facebench.evaluation.resampling import SEED
from facebench.results.store import Result, ResultStore
from facebench.runtime.workspace import to_json

ACCURACY = {"name": "accuracy", "title": "Accuracy (%)", "scale": 100.0, "higher_is_better": True}
DATA = {"name": "faces", "synthetic": False, "fingerprint": "f" * 64, "warnings": []}
RESAMPLES = 400
TITLES = {
    "simclr": "SimCLR", "pcl": "PCL", "moco": "MoCo", "random": "Untrained backbone", "lbp": "LBP",
}  # fmt: skip


def classes(right: npt.ArrayLike, *, num_classes: int = 4) -> pd.DataFrame:
    """Predictions of a classification task, right where it is said, else off by one."""
    mark = np.asarray(right, dtype=bool)
    label = np.arange(len(mark)) % num_classes
    guess = np.where(mark, label, (label + 1) % num_classes)
    paths = [f"{n:05d}.png" for n in range(len(mark))]
    return pd.DataFrame(
        {"path": paths, "label": label, "honest": guess, "paper": guess, "paper_last": guess}
    )


def pair_list(right: npt.ArrayLike, sides: npt.NDArray[Any], *, folds: int = 2) -> pd.DataFrame:
    """Predictions of pairs of people ``[P, 2]``; a pair of one person shows two images of it."""
    mark, same = np.asarray(right, dtype=bool), sides[:, 0] == sides[:, 1]
    decided = np.where(mark, same, ~same)
    frame = pd.DataFrame(
        {
            "first": [f"p/{a}/{a}_{2 * n:04d}.jpg" for n, a in enumerate(sides[:, 0])],
            "second": [f"p/{b}/{b}_{2 * n + 1:04d}.jpg" for n, b in enumerate(sides[:, 1])],
            "same": same,
            "fold": np.arange(len(mark)) % folds,
        }
    )
    for kind in ("honest", "paper"):
        frame[f"{kind}_similarity"] = np.where(decided, 0.9, 0.1)
        frame[kind] = decided
    return frame


def write(
    root: Path,
    predictions: pd.DataFrame,
    *,
    task: str = "rafdb",
    title: str = "RAF-DB",
    columns: tuple[dict[str, Any], ...] = (ACCURACY,),
    method: str = "simclr",
    options: dict[str, Any] | None = None,
    feature: str = "f_s",
    backbone: str = "facecycle16",
    seed: int = 0,
    synthetic: bool = False,
    learned: bool = True,
    data: str = "faces",
    images: int = 64,
    pretrain: PretrainSpec | None = None,
    verification: Any = "cosine",
    image_size: int = 100,
    limit: int = 0,
    floors: dict[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
    created: str = "2026-01-01T00:00:00+00:00",
    mark: str = "",
) -> Result:
    """Write one result; what is not given is the same for all."""
    spec = RunSpec(
        method=method, task=task, backbone=backbone, seed=seed, limit=limit,
        probe=ProbeSpec(resamples=RESAMPLES, verification=verification),
        extract=ExtractSpec(feature=feature, image_size=image_size),
        pretrain=pretrain or PretrainSpec(),
    )  # fmt: skip
    protocol, scores = scored(predictions)
    record = {
        "spec": {**spec_record(spec), "method_options": options or {}, "task_options": {}},
        "method": {
            "name": method, "title": TITLES[method], "version": 1, "paper": "",
            "needs": "images" if learned else "nothing",
        },
        "pretrain": {
            "data": {**DATA, "name": data} if learned else None, "images_seen": images,
            "history": [],
        },
        "task": {
            "name": task, "title": title, "version": 1, "protocol": [protocol, 1],
            "family": "expression", "main_metric": columns[-1], "columns": list(columns),
            "synthetic": synthetic, "warnings": list(warnings),
        },
        "scores": scores,
        "floors": floors or {},
        "created": created,
    }  # fmt: skip
    key = digest([to_json(record), mark])
    whole = merged(whole_json(protocol), record)
    return ResultStore(root).write(
        spec, key, {**whole, "floors": floors or whole["floors"]}, predictions
    )


def scored(predictions: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """Return the protocol that such predictions are of, and its scores."""
    protocol, choices = "regression", dict[str, Any]()
    if "first" in predictions:
        protocol, kinds = "verification", ("honest", "paper")
        thresholds = np.full(predictions["fold"].nunique(), 0.5)
        choices = {
            "variants": dict.fromkeys(kinds, "exact"),
            "thresholds": dict.fromkeys(kinds, thresholds),
        }
    elif "label" in predictions:
        protocol, choices = "classification", {"classes": 1 + int(predictions["label"].max())}
    elif "subject" in predictions:
        protocol = "multilabel"
    judge = protocol_named(protocol)
    return protocol, judge.score(predictions, choices, resamples=RESAMPLES, seed=SEED)
