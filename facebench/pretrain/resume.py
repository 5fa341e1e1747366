"""Resume points of the training engine, without pickle: safetensors beside JSON in one file.

Lightning hands over a nested dictionary of tensors and plain values. Tensors go into the
safetensors file under running numbers, everything else into its metadata as JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import CheckpointIO
from safetensors import safe_open
from safetensors.torch import save_file

from facebench.errors import StageError
from facebench.runtime.atomic import atomic_file

FORMAT = 1


class SafeCheckpointIO(CheckpointIO):
    """Writes and reads Lightning's training state; never unpickles."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write the state to ``path``: to a temporary name first, so that a kill leaves the old."""
        tensors: dict[str, torch.Tensor] = {}
        tree = json.dumps(_encode(checkpoint, tensors))
        with atomic_file(Path(path)) as temporary:
            save_file(tensors, temporary, metadata={"format": str(FORMAT), "tree": tree})

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read the state back.

        Raises:
            StageError: The file is not a resume point of this version.
        """
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != str(FORMAT):
                raise StageError(
                    f"{path}: resume format {metadata.get('format')}; expected {FORMAT}. "
                    "Delete the file to pretrain from the start."
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state: dict[str, Any] = _decode(json.loads(metadata["tree"]), tensors)
        return state

    def remove_checkpoint(self, path: Any) -> None:
        """Delete the file."""
        Path(path).unlink(missing_ok=True)


def _encode(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """Return ``value`` as JSON; tensors move into ``tensors`` and leave their number behind."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        # A copy: optimiser states may share memory, which safetensors refuses.
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[_encode(k, tensors), _encode(v, tensors)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(item, tensors) for item in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be kept in a resume point: {value!r}")


def _decode(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {_decode(k, tensors): _decode(v, tensors) for k, v in content}
    items = [_decode(item, tensors) for item in content]
    return items if kind == "list" else tuple(items)
