"""The hashes that name checkpoints and features: of everything that these depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from facebench.config.spec import digest, plain
from facebench.data.align.alignment import Alignment
from facebench.data.dataset import Dataset
from facebench.data.sources import Source
from facebench.registry import PluginKind
from facebench.request.loaded import LoadedRun
from facebench.runtime.workspace import Workspace

# Go up when the same inputs would give other numbers: every later stage is then made anew.
PRETRAIN_VERSION = 1
EXTRACT_VERSION = 1
SHARING_VERSION = 2  # on several devices; 1: draws and statistics of each device's own share


def checkpoint_key(run: LoadedRun, source: Source | None, workspace: Workspace) -> str:
    """Return the hash of everything that the weights of a run depend on.

    Args:
        run: The spec and the classes that it names.
        source: Opened pretraining data; None if nothing is learned.
        workspace: Devices that learn together.
    """
    (key,) = checkpoint_keys(run, source, [workspace.devices * workspace.nodes])
    return key


def checkpoint_keys(run: LoadedRun, source: Source | None, counts: Sequence[int]) -> list[str]:
    """Return the hash of :func:`checkpoint_key` for each of several numbers of devices."""
    info, spec = run.method.info, run.spec
    inputs: dict[str, Any] = {
        "version": PRETRAIN_VERSION,
        "method": [info.name, info.version, plain(spec.method_options)],
        "source code": _file_plugins(run, "method", "backbone"),
        "backbone": spec.backbone,
        "image size": spec.pretrain.image_size,
        "seed": spec.seed,
    }
    if source is not None:
        settings = plain(spec.pretrain)
        for place in ("data", "checkpoint_minutes"):  # where from, how often saved: no matter
            del settings[place]
        for unlearned in ("sync_batchnorm", "gradient_norm_every"):  # of several devices; of curves
            settings.pop(unlearned, None)
        inputs |= {"pretrain": settings, "precision": spec.precision}
        inputs["data"] = source.fingerprint
        if source.targets is not None:
            inputs["targets"] = source.targets.fingerprint
    return [digest(inputs | _sharing(count, run, source)) for count in counts]


def _sharing(count: int, run: LoadedRun, source: Source | None) -> dict[str, Any]:
    """Return what weights depend on where several devices learn them.

    They are equal to rounding, unless a method of another package does not share its loss.
    """
    if count == 1 or source is None:
        return {}
    synchronised = run.spec.pretrain.sync_batchnorm
    sharing = {"count": count, "version": SHARING_VERSION, "sync_batchnorm": synchronised}
    return {"devices": sharing}


def features_key(
    run: LoadedRun, dataset: Dataset, alignment: Alignment | None, weights_digest: str
) -> str:
    """Return the hash of everything that the features of a run depend on.

    Args:
        run: The spec and the classes that it names.
        dataset: Opened dataset of the task.
        alignment: How the images are aligned; None: as the task crops them.
        weights_digest: The checkpoint's digest of its weights.
    """
    info, spec = run.method.info, run.spec
    inputs = {
        "version": EXTRACT_VERSION,
        "weights": weights_digest,
        "method": [info.name, info.version],
        "source code": _file_plugins(run, "method", "backbone", "task"),
        "extract": plain(spec.extract),
        "precision": spec.precision,
        "task": [spec.task, dataset.task.info.version],
        "data": dataset.fingerprint,
        "skip broken": spec.skip_broken,
    }
    if not info.backbone:  # a hand-crafted feature has no weights to tell its settings apart
        inputs["options"] = plain(spec.method_options)
    if alignment is not None:
        inputs["align"] = alignment.identity()
    return digest(inputs)


def _file_plugins(run: LoadedRun, *kinds: PluginKind) -> str:
    """Return the digests of single-file plugins; others declare a version."""
    return "".join(run.sources[kind] for kind in kinds)
