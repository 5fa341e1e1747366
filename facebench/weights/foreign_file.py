"""Reads files of weights of other code: tensors by name, without running what is in the files."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from facebench.errors import StageError
from facebench.weights.file_format import file_format, shards, truncated, unreadable
from facebench.weights.inert_object import Damaged, EndsEarly, Persistent, Placeholder
from facebench.weights.torch_file import EXPECTED, TorchFile, legacy_file, parts, zip_file

_DEPTH = 40  # nesting depth of dictionaries and modules
_ENTRIES = 200_000  # a short pickle may hold any number, by holding the same ones many times
_LARGE = 1 << 26  # bytes of an array, up to which it may be packed in any way
_MOST_PACKED = 100  # times; zeros reach 1,000, weights less than 2
_SCRIPTED = ("__torch__.", "torch.jit._pickle.")  # classes and lists of torch.jit


@dataclass(frozen=True)
class ForeignFile:
    """The tensors of a file.

    Args:
        path: The file.
        sha256: Digest of its bytes; of an index, of its bytes and those of its shards.
        tensors: Tensors by name; names of nested dictionaries and modules are joined by dots
            (``state_dict.module.encoder.conv1.0.weight``).
        others: Names of entries that are not tensors (``epoch``, ``optimizer.state``).
        placeholders: Names of functions and classes that it asks for besides tensors and plain
            containers; none of them was looked up or called.
        opaque: Name of an entry that holds numbers -> the function or class without which it is no
            tensor.
    """

    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    others: tuple[str, ...]
    placeholders: tuple[str, ...] = ()
    opaque: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Content:
    """What is collected while a file is read."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    opaque: dict[str, str] = field(default_factory=dict)
    placeholders: set[str] = field(default_factory=set)


def read_foreign(path: Path) -> ForeignFile:
    """Read a file of weights, whatever its name is.

    Files of ``torch.save`` (a state dict, dictionaries around it, a whole model), archives of
    ``torch.jit.save``, safetensors in one file or by an index of several, and ``.npz`` of arrays.

    Raises:
        StageError: There is no such file, it is of another format or damaged, or there are no
            tensors in it.
    """
    try:
        sha256 = _sha256(path)
    except OSError as error:
        raise StageError(
            f"{path}: {error.strerror}; expected a file of weights (.pth, .pt, .tar, .safetensors, "
            ".npz)."
        ) from error
    found = _Content()
    if file_format(path) == "shards":
        for shard in shards(path):
            sha256 += _sha256(shard)
            _read(shard, found)
        sha256 = hashlib.sha256(sha256.encode()).hexdigest()
    else:
        _read(path, found)
    placeholders = tuple(sorted(found.placeholders))
    if not found.tensors:
        raise _no_tensors(path, found, placeholders)
    return ForeignFile(path, sha256, found.tensors, tuple(found.others), placeholders, found.opaque)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(path: Path, into: _Content) -> None:
    form = file_format(path)
    if form == "shards":
        raise StageError(f"{path}: is an index again; expected weights. Give it by itself.")
    if form == "safetensors":
        into.tensors |= _safetensors(path)
    elif form == "npz":
        into.tensors |= _arrays(path)
    else:
        opened = zip_file(path) if form == "torch zip" else legacy_file(path)
        _torch(path, opened, into)


def _torch(path: Path, opened: AbstractContextManager[TorchFile], into: _Content) -> None:
    try:
        with opened as file:
            into.placeholders |= {name for name in file.names - EXPECTED if not _scripted(name)}
            root = _inside(file, file.content)
            if root is None:
                raise StageError(f"{path}: holds {_told(file, file.content)}")
            for name, value in _flat(file, root, "", (id(file.content),), [_ENTRIES]):
                tensor = file.tensor(value)
                if tensor is not None:
                    into.tensors[name] = tensor
                elif isinstance(value, Placeholder) and _holds_numbers(value):
                    into.opaque[name] = _needed(value)
                else:
                    into.others.append(name)
    except EndsEarly as error:
        raise truncated(path, str(error)) from error
    except Damaged as error:
        raise unreadable(path, str(error)) from error


def _flat(
    file: TorchFile,
    content: Mapping[Any, Any],
    prefix: str,
    outer: tuple[int, ...],
    left: list[int],
) -> Iterator[tuple[str, Any]]:
    """Yield names and values; a container that holds itself is a value.

    Args:
        file: Where the content is from.
        content: Entries of a dictionary or a module.
        prefix: Stands before their names.
        outer: Identities of what contains it.
        left: How many entries may still be visited; one number.
    """
    for key, value in content.items():
        left[0] -= 1
        if left[0] < 0:
            raise Damaged(f"more than {_ENTRIES} entries")
        name = f"{prefix}{key}"
        inner = _inside(file, value)
        # An optimizer's state is numbered: not the model's tensors, whatever their names are.
        named = inner is not None and all(isinstance(part, str) for part in inner)
        if inner is not None and named and len(outer) < _DEPTH and id(value) not in outer:
            yield from _flat(file, inner, f"{name}.", (*outer, id(value)), left)
        else:
            yield name, value


def _inside(file: TorchFile, value: Any) -> Mapping[Any, Any] | None:
    """Return the entries of a dictionary, of a module, or of an object that was one; else None."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, Placeholder) or file.tensor(value) is not None:
        return None
    state = value.state if isinstance(value.state, dict) else {}
    if file.scripted and _scripted(value.name):
        return {key: held for key, held in state.items() if isinstance(held, Placeholder)}
    if all(isinstance(state.get(part), dict) for part in ("_parameters", "_buffers", "_modules")):
        entries: dict[Any, Any] = {}
        for part in ("_parameters", "_buffers", "_modules"):
            entries |= {key: held for key, held in state[part].items() if held is not None}
        return entries
    return value.entries or None


def _scripted(name: str) -> bool:
    return name.startswith(_SCRIPTED)


def _holds_numbers(value: Placeholder) -> bool:
    """Whether an object would have been made of the elements of a storage, or of a tensor."""
    return any(
        isinstance(part, Persistent) or (part is not value and isinstance(part, Placeholder)
        and any(isinstance(inner, Persistent) for inner in parts(part)))
        for part in _arguments(value)
    )  # fmt: skip


def _arguments(value: Placeholder) -> list[Any]:
    """Return the arguments of an object, and what tuples among them hold."""
    inner = [part for given in value.arguments if isinstance(given, tuple) for part in given]
    return [*value.arguments, *inner]


def _needed(value: Placeholder) -> str:
    """Return the function or class without which an object is no tensor."""
    inner = [part.name for part in _arguments(value) if isinstance(part, Placeholder)]
    strange = [name for name in (value.name, *inner) if name not in EXPECTED]
    return (strange or [value.name])[0]


def _told(file: TorchFile, content: Any) -> str:
    """Say what a file holds in place of a dictionary or a model."""
    save = "Save the model's state_dict() with torch.save(model.state_dict(), FILE)."
    if file.tensor(content) is not None:
        return f"one tensor without a name; expected a dictionary of tensors. {save}"
    if isinstance(content, Placeholder):
        return (
            f"an object of {content.name} that keeps its parameters in a way of its own; expected "
            f"a dictionary of tensors or a torch.nn.Module. {save}"
        )
    return f"{type(content).__name__}; expected a dictionary of tensors. {save}"


def _no_tensors(path: Path, found: _Content, placeholders: tuple[str, ...]) -> StageError:
    if found.opaque:
        name, needed = next(iter(found.opaque.items()))
        return StageError(
            f"{path}: {name} is a tensor only by {needed}, which is not run. Save plain tensors: "
            "torch.save(model.state_dict(), FILE)."
        )
    listed = ", ".join(found.others[:8]) or "nothing"
    asked = f" (it asks for {', '.join(placeholders[:8])})" if placeholders else ""
    return StageError(f"{path}: found {listed}{asked}; expected tensors. Is it a checkpoint?")


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        text = str(error)
        if "IncompleteBuffer" in text or "incomplete" in text.lower():
            raise truncated(path, "tensors are missing behind its header") from error
        raise unreadable(path, f"{type(error).__name__}: {error}") from error


def _check_size(member: zipfile.ZipInfo) -> None:
    """Refuse an array that is far larger than what is packed: a few bytes can hold gigabytes."""
    if member.file_size > _LARGE and member.file_size > _MOST_PACKED * member.compress_size:
        raise Damaged(
            f"{member.filename} unpacks from {member.compress_size:,} to {member.file_size:,} bytes"
        )


def _arrays(path: Path) -> dict[str, Tensor]:
    """Read arrays of numbers; those of Python objects are refused."""
    try:
        with np.load(path, allow_pickle=False) as file:
            for member in file.zip.infolist():
                _check_size(member)
            return {name: torch.from_numpy(np.array(file[name])) for name in file.files}
    except Exception as error:  # a damaged archive or array raises many types of errors
        if "allow_pickle" in str(error):
            raise StageError(
                f"{path}: holds arrays of Python objects, which are not read; expected arrays of "
                "numbers. Save each with its own name by numpy.savez."
            ) from None
        raise unreadable(path, f"{type(error).__name__}: {error}") from error
