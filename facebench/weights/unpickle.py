"""Reads foreign weight files without executing code from them.

torch's files are pickles, which can run arbitrary code. ``weights_only=True`` restricts unpickling
to tensors and plain containers; anything else is refused with an error that names it.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from facebench.errors import StageError

_DEPTH = 6  # nesting depth of dictionaries; a pickle may contain itself


@dataclass(frozen=True)
class ForeignFile:
    """The tensors of a file.

    Args:
        path: The file.
        sha256: Digest of its bytes.
        tensors: Tensors by name; names of nested dictionaries are joined by dots
            (``state_dict.module.encoder.conv1.0.weight``).
        others: Names of entries that are not tensors (``epoch``, ``optimizer.state``).
    """

    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    others: tuple[str, ...]


def read_foreign(path: Path) -> ForeignFile:
    """Read a ``.safetensors`` file, or anything that ``torch.save`` wrote.

    Raises:
        StageError: There is no such file, it cannot be read, it would have to run code to be
            read, or there are no tensors in it.
    """
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise StageError(
            f"{path}: {error.strerror}; expected a file of weights (.pth, .pt, .tar, .safetensors)."
        ) from error
    content = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    if not isinstance(content, Mapping):
        raise StageError(
            f"{path}: holds {type(content).__name__}; expected a dictionary of tensors. Save "
            "the model's state_dict()."
        )
    tensors: dict[str, Tensor] = {}
    others: list[str] = []
    for name, value in _flat(content, "", _DEPTH):
        if isinstance(value, Tensor):
            tensors[name] = value.detach()
        else:
            others.append(name)
    if not tensors:
        found = ", ".join(others[:8]) or "nothing"
        raise StageError(f"{path}: found {found}; expected tensors. Is it a checkpoint?")
    return ForeignFile(path, sha256, tensors, tuple(others))


def _flat(content: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        name = f"{prefix}{key}"
        # An optimizer's state is numbered: not the model's tensors, whatever their names are.
        named = isinstance(value, Mapping) and all(isinstance(inner, str) for inner in value)
        if named and depth > 0:
            yield from _flat(value, f"{name}.", depth - 1)
        else:
            yield name, value


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error


def _pickled(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_PLACEHOLDERS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about the pickle protocol
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = re.search(_REFUSED, str(error))
        if refused is None:
            raise _unreadable(path, "no pickle of tensors") from None
        asked = next(group for group in refused.groups() if group).rstrip(".")
        raise StageError(
            f"{path}: refused, because reading it would run code: it asks for {asked}; "
            "expected tensors and plain values. Nothing of it was run. If you trust where it "
            "comes from, save its state_dict() as .safetensors on a machine of its own."
        ) from None
    except Exception as error:  # a damaged pickle raises many types of errors
        if "legacy .tar" in str(error):
            raise _unreadable(path, "of torch before 0.1.10, whose files run code") from None
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error


def _unreadable(path: Path, found: str) -> StageError:
    found = " ".join(found.split()).rstrip(":.")
    return StageError(
        f"{path}: cannot be read as weights: {found}; expected what torch.save or safetensors "
        "writes. Download it again, or save it again."
    )


class _Placeholder:
    """Placeholder for training state stored with the weights; it is not reconstructed."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


_PLACEHOLDERS: list[Any] = [
    (_Placeholder, name)
    for name in (
        "argparse.Namespace",
        "numpy.dtype",
        "numpy.ndarray",
        *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core")
          for name in ("scalar", "_reconstruct")),
    )
]  # fmt: skip

# torch's messages for refused objects; their advice to trust the file is not repeated.
_REFUSED = "|".join(
    (
        r"GLOBAL (\S+) was not an allowed global",
        r"Trying to load unsupported GLOBAL (\S+)",
        r"Trying to call reduce for unrecognized function (.+)",
        r"Can only (?:create new object|build) .*but got (.+)",
    )
)
