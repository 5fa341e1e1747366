"""The disentanglement report: which factors of a face a linear model predicts from each feature.

All factors of rendered faces are known. The report measures how well identity, expression, action
units and head pose are predicted from F_s, F_f, F_p and all other features that a method offers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

import facebench.disentangle.factor_task
from facebench.config.spec import RunSpec, plain
from facebench.data.dataset import Dataset
from facebench.disentangle.factor_scores import RESAMPLES, score_factors, scores_record
from facebench.disentangle.factors import FactorSettings, predict_factors
from facebench.errors import SpecError
from facebench.pipeline.stages import Stages, open_stages
from facebench.registry import Registry
from facebench.request.resolve import Request, resolve
from facebench.results.records import method_record
from facebench.results.store import now
from facebench.runtime.environment import environment
from facebench.runtime.workspace import Workspace
from facebench.weights.checkpoint import Checkpoint

TASK = "factor_faces"
_TASK_FILE = Path(facebench.disentangle.factor_task.__file__)


@dataclass(frozen=True)
class Disentanglement:
    """Scores and predictions of a disentanglement report.

    Args:
        record: JSON: settings, faces, methods, and the scores of each feature.
        predictions: One row for each feature and image: the columns of
            :func:`facebench.disentangle.factors.predict_factors`, with ``method`` and ``feature``.
    """

    record: dict[str, Any]
    predictions: pd.DataFrame


def factor_registry(plugins: tuple[Path, ...] = ()) -> Registry:
    """Return a registry that also contains the task of the rendered faces."""
    return Registry((*plugins, _TASK_FILE))


def disentangle(
    request: Request,
    workspace: Workspace,
    registry: Registry,
    settings: FactorSettings | None = None,
) -> Disentanglement:
    """Pretrain, extract every feature of every method, and predict every factor from it.

    Args:
        request: Methods and options; its task is :data:`TASK`, and it has one seed.
        workspace: Folders, device and progress reporter.
        registry: Registry from :func:`factor_registry`.
        settings: Settings of the linear models.

    Raises:
        FacebenchError: An input is wrong; the message says what to change.
    """
    if len(request.seeds) != 1:
        raise SpecError(f"found {len(request.seeds)} seeds; expected one.")
    settings = settings or FactorSettings()
    methods, rows, tables = {}, [], []
    for run in resolve(replace(request, tasks=(TASK,)), registry):
        spec, stages = run.spec, open_stages(run, workspace)
        checkpoint = stages.checkpoint()
        methods[spec.method] = _method_record(stages, checkpoint)
        for feature, predictions in _predictions(stages, checkpoint, settings):
            scores = score_factors(predictions, seed=spec.seed)
            names = {"method": spec.method, "feature": feature}
            rows.append({**names, "scores": scores_record(scores)})
            tables.append(predictions.assign(**names))
    record = {
        "faces": _faces_record(stages.dataset),
        "settings": {**plain(settings), "resamples": RESAMPLES, "seed": request.seeds[0]},
        "methods": methods,
        "rows": rows,
        "environment": environment(workspace.device),
        "created": now(),
    }
    return Disentanglement(record, pd.concat(tables, ignore_index=True))


def _predictions(
    stages: Stages, checkpoint: Checkpoint, settings: FactorSettings
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each feature of the checkpoint and the predictions from it."""
    run, offered = stages.run, stages.run.method.info.features
    names = checkpoint.record.features or tuple(offered)
    with stages.workspace.progress.bar("factors", len(names), "feature") as advance:
        for done, name in enumerate(names, start=1):
            extract = replace(run.spec.extract, feature=name)
            of_feature = replace(stages, run=run.with_spec(extract=extract))
            values, labels = of_feature.features(checkpoint).values, _labels(stages.dataset)
            yield name, predict_factors(values, labels, settings, seed=run.spec.seed)
            advance(done)


def _labels(dataset: Dataset) -> pd.DataFrame:
    return dataset.table.drop(columns=["split", "subject", "fold"])


def _faces_record(dataset: Dataset) -> dict[str, Any]:
    return {
        "version": dataset.task.info.version,
        "synthetic": dataset.synthetic,
        "fingerprint": dataset.fingerprint,
        "images": len(dataset),
        "persons": int(dataset.table["person"].nunique()),
    }


def _method_record(stages: Stages, checkpoint: Checkpoint) -> dict[str, Any]:
    spec: RunSpec = stages.spec
    learned = {key: checkpoint.record.plain()[key] for key in ("data", "images_seen")}
    return {
        **method_record(stages.run.method),
        "backbone": spec.backbone,
        "preset": spec.preset,
        "seed": spec.seed,
        "options": plain(spec.method_options),
        "pretrain": {**plain(spec.pretrain), **learned},
        "extract": plain(spec.extract),
        "checkpoint": checkpoint.folder.name,
        "weights_digest": checkpoint.weights_digest,
    }
