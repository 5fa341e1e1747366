"""Checkpoints: a safetensors file with the weights, and a JSON record."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from facebench.errors import StageError
from facebench.method import Method
from facebench.runtime.stage_record import (
    check_files,
    file_digests_of,
    read_stage_record,
    write_stage_record,
)
from facebench.targets import TargetForm
from facebench.weights.build import make_heads
from facebench.weights.record import CheckpointRecord, ImportedWeights

WEIGHTS = "model.safetensors"
RECORD = "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """A learned representation on disk.

    Args:
        folder: Holds ``model.safetensors`` and ``checkpoint.json``.
        record: The record: spec, data, curves, timings; for imported weights also the file
            that they come from, and the available features.
    """

    folder: Path
    record: CheckpointRecord

    @property
    def weights_digest(self) -> str:
        """Return the SHA-256 over names, shapes and values; part of every later stage's key."""
        return self.record.weights_digest

    @property
    def spec(self) -> dict[str, Any]:
        """Return what it was learned with, as JSON: method, backbone, seed and options."""
        return self.record.spec

    @property
    def seconds(self) -> float:
        """Return how long that took."""
        return self.record.seconds

    @property
    def targets(self) -> TargetForm | None:
        """Return what is known of the labels that it was learned with; None without labels."""
        found = self.record.targets
        return None if found is None else TargetForm.of_record(found)

    @property
    def imported(self) -> ImportedWeights | None:
        """Return the source file and the matched tensors of imported weights, or ``None``."""
        return self.record.imported


def write_checkpoint(folder: Path, method: Method, record: dict[str, Any]) -> None:
    """Write weights and record into ``folder``, which the caller renames when complete.

    Args:
        folder: An existing folder.
        method: The method with its weights.
        record: What :class:`CheckpointRecord` has, without format, digests and seal.

    Raises:
        StageError: The weights cannot be written, since the disk is full for example.
    """
    tensors = _in_own_memory(_state(method))
    try:
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    except SafetensorError as error:
        free = shutil.disk_usage(folder).free / 1e6
        raise StageError(
            f"{folder / WEIGHTS}: the weights cannot be written ({error}); {free:,.1f} MB are "
            "free. Make space and run the same command again."
        ) from error
    write_stage_record(
        folder / RECORD,
        CheckpointRecord,
        {**record, "weights_digest": weights_digest(tensors)},
        file_digests_of(folder, [WEIGHTS]),
    )


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read the record of a checkpoint; the weights stay on disk.

    Raises:
        StageError: It is incomplete, changed since it was written, or of another version.
    """
    record = read_stage_record(folder / RECORD, CheckpointRecord)
    if not (folder / WEIGHTS).is_file():
        raise StageError(
            f"{folder / WEIGHTS}: no such file; expected the weights beside {RECORD}. Delete the "
            "folder and run again."
        )
    check_files(folder, record)
    return Checkpoint(folder, record)


def load_weights(method: Method, checkpoint: Checkpoint) -> None:
    """Load a checkpoint's weights into a new method; every tensor must match by name and shape.

    Raises:
        StageError: A tensor is missing, unexpected or of another shape.
    """
    try:
        tensors = load_file(checkpoint.folder / WEIGHTS)
    except SafetensorError as error:
        raise StageError(
            f"{checkpoint.folder / WEIGHTS}: not a safetensors file ({error}). Delete the folder "
            "and run again."
        ) from error
    if weights_digest(tensors) != checkpoint.weights_digest:
        raise StageError(
            f"{checkpoint.folder / WEIGHTS}: the weights are not those of its record. "
            "Delete the folder and run again."
        )
    if checkpoint.targets is not None:
        make_heads(method, checkpoint.targets, seed=0)
    own = {name: tuple(tensor.shape) for name, tensor in _state(method).items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if own != found:
        wrong = sorted(set(own.items()) ^ set(found.items()))
        raise StageError(
            f"{checkpoint.folder}: {len(wrong)} tensors do not fit the method, first {wrong[0]}. "
            "Delete the folder and run again."
        )
    method.load_state_dict(tensors)


def weights_digest(tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 of names, shapes, types and values, independent of their order."""
    whole = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        whole.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        whole.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def _state(method: Method) -> dict[str, Tensor]:
    return dict(method.state_dict())


def _in_own_memory(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors on the CPU; a safetensors file holds none that share memory."""
    found: dict[str, Tensor] = {}
    taken = set[int]()
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        storage = own.untyped_storage()
        if own.numel() and storage.data_ptr() in taken:
            own = own.clone()
        taken.add(storage.data_ptr())
        found[name] = own
    return found
