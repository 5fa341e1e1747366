"""Features of a task's images, from a checkpoint or from the checkpoint of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.api.models import Learned, find_learned
from facebench.api.places import optional_path
from facebench.api.results import opened
from facebench.api.runs import prepare_runs
from facebench.api.words import arguments_of
from facebench.errors import SpecError
from facebench.pipeline.stages import open_stages
from facebench.progress import Progress
from facebench.reproduce import data_of
from facebench.results.store import Result
from facebench.weights.checkpoint import RECORD, Checkpoint


class TaskFeatures(NamedTuple):
    """Features and the rows that they belong to: ``values, rows = extract(...)``.

    Args:
        values: ``[N, D]``, float16 unless ``extract.dtype`` says otherwise; one row per image. They
            are memory-mapped; ``np.array(values)`` is a copy in memory.
        rows: ``N`` rows of the task's table, in the same order: ``path``, ``split``, and the
            columns of its targets (``label``, ``subject``, ``fold`` ...).
    """

    values: npt.NDArray[np.floating[Any]]
    rows: pd.DataFrame


def extract(
    learned: Learned,
    *,
    task: str = "",
    feature: str = "",
    settings: Mapping[str, Any] | None = None,
    data: str | Path | None = None,
    synthetic: Literal["missing", "always"] | None = None,
    cache: str | Path | None = None,
    device: str | None = None,
    precision: str | None = None,
    limit: int | None = None,
    skip_broken: bool | None = None,
    plugins: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> TaskFeatures:
    """Extract the features of every image of a task, or read them if they are on disk.

    Of a result they are taken as it was evaluated (feature, pooling, type, precision), and of its
    own task also at the same image size, with the same limit and options: they are then those that
    its scores were computed from.

    Args:
        learned: A checkpoint, its folder, a result, or its JSON file.
        task: Name of the task; by default the result's.
        feature: ``f_s``, ``f_f``, ``f_p``, ``f_f+f_p`` ...; by default the result's, or the
            method's main feature.
        settings: More options, ``{"extract.pool": "mean", "extract.image_size": 64}``.
        data: Folder of the real datasets; by default ``FACEBENCH_DATA``. Without one, faces are
            rendered in its place; with one, a dataset that is not below it is an error.
        synthetic: Rendered faces with a data folder: in place of ``missing`` datasets, or
            ``always``. Of a result's own task, the result says which were used.
        cache: Folder of the stages; by default ``FACEBENCH_CACHE``.
        device: ``auto`` (default), ``cpu``, ``cuda``, ``mps``.
        precision: ``auto``, ``32`` or ``bf16``; by default the result's, or ``auto``.
        limit: Number of items of each split; 0 is all.
        skip_broken: Leave images out that cannot be read, instead of stopping at the first.
        plugins: Python files with a method, task or backbone.
        progress: Progress reporter; by default a bar, where one can be drawn.

    Returns:
        Features ``[N, D]`` and the rows of the task's table. Images that were left out are in
        neither.

    Raises:
        SpecError: No task is given, or several.
        StageError: There is no such checkpoint, or a feature is not finite.
        DataError: The dataset is missing, or an image cannot be read.
    """
    checkpoint = find_learned(learned, optional_path(cache))
    judged = _result(learned)
    task = task or (judged.spec.task if judged else "")
    own: dict[str, Any] = {} if judged is None else _as_judged(judged, task)
    options = {**own.pop("settings", {}), **(settings or {})}
    if feature:
        options["extract.feature"] = feature
    asked: dict[str, Any] = {
        "device": device, "precision": precision, "limit": limit, "skip_broken": skip_broken,
    }  # fmt: skip
    words = {
        **own,
        **{name: value for name, value in asked.items() if value is not None},
        "method": checkpoint.spec["method"], "task": task, "settings": options,
        "checkpoint": checkpoint.folder, "baselines": False,
        "data": data, "synthetic": synthetic, "cache": cache, "plugins": plugins,
        "progress": progress,
    }  # fmt: skip
    if judged is not None and task == judged.spec.task:
        words["synthetic"] = "missing" if judged.record.task.synthetic else None
    prepared = prepare_runs(arguments_of(words, "extract"))
    if len(prepared.runs) != 1:
        raise SpecError(f"task is '{task}'; expected the name of one task.")
    run, workspace = prepared.runs[0].loaded, prepared.workspace
    if judged is not None and run.spec.task == judged.spec.task:
        workspace = replace(workspace, data=data_of(judged.record, run, workspace), synthetic="")
    stages = open_stages(run, workspace)
    features = stages.features(stages.checkpoint())
    values, rows = features.values, stages.dataset.table
    if features.broken:
        values, rows = values[features.readable], rows[features.readable]
    return TaskFeatures(values, rows.reset_index(drop=True))


def _result(learned: Learned) -> Result | None:
    """Return the result that was given, by itself or by its file; None for a checkpoint."""
    if isinstance(learned, Result):
        return learned
    if isinstance(learned, Checkpoint) or Path(learned).name == RECORD:
        return None
    return opened(learned) if Path(learned).suffix == ".json" else None


def _as_judged(result: Result, task: str) -> dict[str, Any]:
    """Return the words that ask for the features of a result, on its own task or on another."""
    spec, own = result.spec, result.spec.task
    settings = {f"extract.{key}": value for key, value in spec.extract.plain().items()}
    words: dict[str, Any] = {"precision": spec.precision, "settings": settings}
    if spec.align is not None:
        settings |= {f"align.{key}": value for key, value in spec.align.plain().items()}
    if task == own:
        words |= {"limit": spec.limit, "skip_broken": spec.skip_broken}
        settings |= {f"{own}.{key}": value for key, value in spec.task_options.items()}
    else:
        del settings["extract.image_size"]  # the size is that of the other task
    return words
