"""Loads the method of a checkpoint, given by its folder or by a result."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from facebench.errors import StageError
from facebench.method import Method
from facebench.registry import Registry
from facebench.request.handed_in import given_settings
from facebench.results.store import read_result
from facebench.weights.build import build_method
from facebench.weights.checkpoint import RECORD, Checkpoint, load_weights, read_checkpoint


def find_checkpoint(path: Path, cache: Path) -> Checkpoint:
    """Return the checkpoint that a user points at.

    Args:
        path: Its folder, or the JSON of a result that was computed from it.
        cache: Where the checkpoints of results are kept.

    Raises:
        StageError: There is none, or it is not the one that the result was computed from.
    """
    if path.is_dir():
        if not (path / RECORD).is_file():
            raise StageError(
                f"{path}: no checkpoint: found no {RECORD} in it; expected a folder below "
                f"{cache / 'checkpoints'}. Give such a folder, or a result's JSON file."
            )
        return read_checkpoint(path)
    record = read_result(path).record
    stages, handed_in = record.stages, Path(record.spec.checkpoint or "")
    # Results name a folder that was handed in; those of earlier versions have its whole path.
    folder = handed_in if handed_in.is_absolute() else cache / "checkpoints" / stages.checkpoint
    if not folder.is_dir():
        raise StageError(
            f"{path}: its checkpoint is gone: found no {folder}; expected what the run left there. "
            "Give the --cache of that run, or the checkpoint's own folder, or run it again."
        )
    checkpoint = read_checkpoint(folder)
    if checkpoint.weights_digest != stages.weights_digest:
        raise StageError(
            f"{folder}: found weights {checkpoint.weights_digest[:16]}; expected "
            f"{stages.weights_digest[:16]}, from which {path} was computed. Run it again."
        )
    return checkpoint


def saved_history(path: Path) -> list[dict[str, Any]]:
    """Return the training curves of a result or of a checkpoint's folder, a row per epoch.

    Raises:
        StageError: The path holds neither.
    """
    if path.is_dir():
        return list(find_checkpoint(path, path.parent.parent).record.history)
    return list(read_result(path).record.pretrain.history)


def saved_method(checkpoint: Checkpoint, registry: Registry) -> Method:
    """Return the method of a checkpoint with its weights, in ``eval()`` on the CPU.

    Raises:
        SpecError: It was written with an option that the method does not have.
        StageError: A tensor does not fit.
        PluginError: The method or its backbone cannot be loaded.
    """
    spec = checkpoint.spec
    cls: type[Method] = registry.load("method", spec["method"])
    options, pretrain = given_settings(checkpoint, cls)
    method = build_method(
        cls,
        options,
        partial(registry.backbone, spec["backbone"]),
        pretrain.image_size,
        seed=spec["seed"],
    )
    load_weights(method, checkpoint)
    return method.eval()
