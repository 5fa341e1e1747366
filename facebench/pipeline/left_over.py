"""Learning on several devices: its resume points, which another number of devices may have left."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facebench.config.spec import PretrainSpec
from facebench.data.sources import Source
from facebench.pipeline.keys import checkpoint_keys
from facebench.request.loaded import LoadedRun
from facebench.runtime.workspace import Workspace

MOST_DEVICES = 128  # numbers of devices that are looked for

_log = logging.getLogger(__name__)


def left_by_others(run: LoadedRun, source: Source, workspace: Workspace) -> Path | None:
    """Return the newest resume point of as many devices as were not asked for now, if there is one.

    Learning can go on from it, since any number of devices learn the same up to rounding; it stays
    where it is.

    Args:
        run: The spec and the classes that it names.
        source: Opened pretraining data.
        workspace: Folder of the stages, and the devices that were asked for.
    """
    from facebench.pretrain.resume import RESUME_FILE

    asked = workspace.devices * workspace.nodes
    counts = [count for count in range(1, MOST_DEVICES + 1) if count != asked]
    found: dict[Path, int] = {}
    for count, key in zip(counts, checkpoint_keys(run, source, counts), strict=True):
        point = workspace.folder("checkpoints", f"{key}.partial") / RESUME_FILE
        if point.exists():
            found[point] = count
    if not found:
        return None
    newest = max(found, key=lambda point: point.stat().st_mtime_ns)
    if workspace.rank == 0:
        _log.warning(
            "pretraining goes on from what %d device%s left: %s",
            found[newest], "" if found[newest] == 1 else "s", newest,
        )  # fmt: skip
    return newest


def devices_record(counts: Sequence[int], spec: PretrainSpec) -> dict[str, Any]:
    """Return what a checkpoint says of its devices: nothing if one alone has learned.

    Args:
        counts: Numbers of devices that learned, one after the other.
        spec: How they learned.
    """
    if list(counts) == [1]:
        return {}
    return {"devices": {"counts": list(counts), "sync_batchnorm": spec.sync_batchnorm}}
