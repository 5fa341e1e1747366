"""Small judged datasets of every protocol, and valid results of them on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch

from facebench.audit.leaks import Leaks, Twin
from facebench.config.spec import ExtractSpec, ProbeSpec, RunSpec, spec_record
from facebench.data.dataset import Dataset
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.protocol import judge, protocol_named
from facebench.evaluation.store import Features
from facebench.progress import Silent
from facebench.results.records import judgement_record, task_record
from facebench.results.store import Result, ResultStore, now, result_key
from facebench.runtime.environment import environment
from facebench.task import Metric, TaskInfo

SPEC = ProbeSpec(
    epochs=4, batch_size=32, lrs=(1e-2,), weight_decays=(0.0,), resamples=100,
    embedding_dim=4, pair_epochs=3, pair_lrs=(1e-2,),
)  # fmt: skip
KINDS = ("classification", "multilabel", "regression", "cosine", "centred", "learned")
SEED = 3
ITEMS = 144
_METRICS = {"classification": "accuracy", "multilabel": "f1", "regression": "mae"}
_TARGETS = {"multilabel": ("au1", "au12"), "regression": ("yaw", "roll")}


def protocol_of(kind: str) -> Any:
    return kind if kind in KINDS[:3] else "verification"


def spec_of(kind: str) -> ProbeSpec:
    if kind == "learned":
        return replace(SPEC, verification="learned")
    return replace(SPEC, centre=kind == "centred")


def info_of(kind: str) -> TaskInfo:
    protocol = protocol_of(kind)
    name = _METRICS.get(protocol, "accuracy")
    return TaskInfo(
        name=f"tiny_{kind}", title="Tiny", version=1, family="expression", dataset="Tiny",
        licence="none", obtain="Written by the tests.", layout="", folders=("tiny",),
        protocol=protocol, image_size=32,
        main_metric=Metric(name=name, title=name, higher_is_better=name != "mae"),
        counts={}, classes=tuple("abcd") if protocol == "classification" else (),
        targets=_TARGETS.get(protocol, ()),
    )  # fmt: skip


def dataset_of(kind: str) -> Dataset:
    info, rng, number = info_of(kind), np.random.default_rng(1), np.arange(ITEMS)
    paths = [f"{n}.png" for n in number]
    table = pd.DataFrame({"path": paths, "split": np.where(number % 3 == 0, "test", "train")})
    pairs = None
    if info.protocol == "classification":
        table["label"] = number // 3 % 4
    elif info.protocol == "verification":
        table["split"] = "test"
        ends = rng.permuted(np.tile(number, (2, 1)), axis=1)
        sides = zip(("first", "second"), ends, strict=True)
        pairs = pd.DataFrame({side: [paths[n] for n in rows] for side, rows in sides})
        pairs["same"], pairs["fold"] = rng.random(ITEMS) < 0.5, number % 4
    else:
        table["subject"] = [f"p{n // 8:02d}" for n in number]  # 18 people
    if info.protocol == "multilabel":
        table["fold"], table["split"] = number // 8 % 3, "test"
    for target in info.targets:
        shown = rng.integers(0, 2, ITEMS), rng.normal(0, 30, ITEMS)
        table[target] = shown[0] if info.protocol == "multilabel" else shown[1]
    return Dataset(SimpleNamespace(info=info), Path(), False, table, pairs, tuple(paths))  # type: ignore[arg-type]


def judged(kind: str, seed: int = SEED) -> Judgement:
    values = np.random.default_rng(2).normal(size=(ITEMS, 6)).astype(np.float32)
    features = Features(values, (), 0.0)
    return judge(dataset_of(kind), features, spec_of(kind), seed=seed, progress=Silent())


def leaks_of(judgement: Judgement, *, exact: int = 0, near: int = 0) -> Leaks:
    """Return leaks of the first test items."""
    predictions = judgement.predictions
    paths = predictions["path" if "path" in predictions else "first"]
    twins = [Twin(path, "train.png") for path in paths]
    alone = () if "first" in predictions else None
    return Leaks(
        folded=False, tested=len(predictions), exact=tuple(twins[:exact]),
        near=tuple(twins[exact : exact + near]), same_image=alone, near_image=alone,
    )  # fmt: skip


def write_result(root: Path, kind: str, *, seed: int = SEED, dedup_test: bool = False) -> Result:
    """Judge, and write the result as a run does."""
    dataset, judgement = dataset_of(kind), judged(kind, seed)
    info = dataset.task.info
    leaks = leaks_of(judgement, exact=5, near=2)
    spec = RunSpec(
        method="random", task=info.name, probe=spec_of(kind), seed=seed, dedup_test=dedup_test,
        extract=ExtractSpec(feature="f_s", image_size=32),
    )  # fmt: skip
    features = "0123456789abcdef"
    key = result_key(
        [info.protocol, protocol_named(info.protocol).version],
        features,
        spec.probe,
        seed=seed,
        dedup_test=dedup_test,
    )
    record = {
        "spec": spec_record(spec),
        "stages": {
            "checkpoint": "c" * 16, "weights_digest": "d" * 64, "features": features, "result": key
        },
        "method": {
            "name": "random", "title": "Random", "version": 1, "paper": "", "needs": "nothing"
        },
        "pretrain": {"data": None, "images_seen": 0, "history": []},
        "task": task_record(dataset, spec.probe, leaks),
        **judgement_record(judgement, leaks if dedup_test else None),
        "broken_images": 0,
        "seconds": {"pretrain": 0.1, "extract": 0.2, "probe": 0.3},
        "environment": environment(torch.device("cpu")),
        "created": now(),
    }  # fmt: skip
    return ResultStore(root).write(spec, key, record, judgement.predictions)
