"""Runs that cannot be, since their method does not fit the backbone or the evaluated task."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from facebench.backbones import Backbone
from facebench.config.options import Override, Overrides
from facebench.errors import SpecError
from facebench.method import MethodInfo
from facebench.protocol import no_training_labels, table_protocol
from facebench.request.loaded import LoadedRun
from facebench.task import TaskInfo

_log = logging.getLogger(__name__)

OWN = "task"  # the origin of the data that a supervised method learns from by default


def own_data(method: MethodInfo, task: TaskInfo, layers: Overrides) -> Overrides:
    """Return what a method that learns from labels takes as data, if no layer says: the task's own.

    Tasks of pairs have no training split; there it learns who is shown in the data of all methods.
    """
    if method.needs != "labels" or "pretrain.data" in layers:
        return {}
    if table_protocol(task.protocol).paired:
        return {}
    return {"pretrain.data": Override(task.name, OWN)}


def which_fit(runs: Sequence[LoadedRun], methods: Sequence[str], backbone: Backbone) -> list[bool]:
    """Return which runs can be, and say which are left out, and why.

    Args:
        runs: The runs that are asked for, and those of baselines.
        methods: Names of the methods that are asked for.
        backbone: The shared backbone of the runs, built.

    Raises:
        SpecError: No run of a method that is asked for can be.
    """
    reasons = [_reason(run, backbone) for run in runs]
    if not any(
        not why and run.spec.method in methods for run, why in zip(runs, reasons, strict=True)
    ):
        raise SpecError(next(filter(None, reasons)))
    for reason in dict.fromkeys(filter(None, reasons)):
        _log.warning("left out: %s", reason)
    return [not reason for reason in reasons]


def _reason(run: LoadedRun, backbone: Backbone) -> str:
    """Return why a run cannot be; empty if it can."""
    method, task, spec = run.method.info, run.task.info, run.spec
    if method.transformer and backbone.transformer is None:
        return (
            f"'{method.name}' hides patches of a vision transformer, which {spec.backbone} is not. "
            "Give --backbone timm:vit_tiny_patch16_224, or another plain one of timm."
        )
    learned = method.labelled and not spec.checkpoint and spec.pretrain.data == task.name
    if learned and (reason := no_training_labels(task)):
        return f"'{method.name}' on '{task.name}': {reason}"
    return ""
