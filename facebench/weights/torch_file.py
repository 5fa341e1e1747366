"""Reads files of ``torch.save`` and ``torch.jit.save``: tensors, without running what is in them.

The pickle in such a file is read as data (:mod:`facebench.weights.inert_pickle`). Tensors are made
here, of the storages that it refers to, where the pickle asks for one of torch's own functions that
rebuild a tensor; those are recognised by their names and not called either.
"""

from __future__ import annotations

import io
import mmap
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facebench.weights.inert_object import (
    PLAIN,
    Damaged,
    EndsEarly,
    Global,
    Persistent,
    Placeholder,
)
from facebench.weights.inert_pickle import load

LEGACY_NUMBER = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch's number, in a pickle of its own
_LEGACY_VERSION = 1001

_DTYPES = {str(value): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
_STORAGES = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool, "ComplexDoubleStorage": torch.complex128,
    "ComplexFloatStorage": torch.complex64, "UntypedStorage": torch.uint8,
}  # fmt: skip
_PLACES = ("torch", "torch.cuda", "torch.storage")

_REBUILD = "torch._utils._rebuild_tensor"
_REBUILD_V2 = "torch._utils._rebuild_tensor_v2"
_REBUILD_V3 = "torch._utils._rebuild_tensor_v3"
_PARAMETERS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_SUBCLASS = "torch._tensor._rebuild_from_type_v2"
_CLASSES = ("torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer")
# What a file may ask for without being said to hold anything but tensors and plain values.
EXPECTED = PLAIN | {
    _REBUILD, _REBUILD_V2, _REBUILD_V3, _SUBCLASS, *_PARAMETERS, *_CLASSES, "torch.device",
    *_DTYPES, *(f"{place}.{name}" for place in _PLACES for name in _STORAGES),
}  # fmt: skip


@dataclass
class TorchFile:
    """The content of a file, whose tensors are read when they are asked for.

    Args:
        content: What was saved: plain values, and inert objects in place of all others.
        names: All globals that the file asks for.
        scripted: Whether ``torch.jit.save`` wrote it.
        read: Returns the bytes of a storage, by its key.
    """

    content: Any
    names: frozenset[str]
    scripted: bool
    read: Callable[[str], bytearray]
    storages: dict[str, bytearray] = field(default_factory=dict)

    def tensor(self, value: Any) -> Tensor | None:
        """Return the tensor that an object of the content stands for; None if it is none.

        Raises:
            Damaged: Its storage is not in the file, or is too short for it.
        """
        if not isinstance(value, Placeholder):
            return None
        arguments = value.arguments
        if value.name in _PARAMETERS and arguments:
            return self.tensor(arguments[0])
        if value.name == _SUBCLASS and len(arguments) > 2 and isinstance(arguments[0], Global):
            inner = arguments[2] if isinstance(arguments[2], tuple) else ()
            return self.tensor(Placeholder(arguments[0].name, inner))
        if value.name in (_REBUILD, _REBUILD_V2, _REBUILD_V3) and len(arguments) > 3:
            named = arguments[6] if value.name == _REBUILD_V3 and len(arguments) > 6 else None
            of, offset, size, stride = arguments[:4]
            return self._view(of, offset, size, stride, named)
        return None

    def _view(self, of: Any, offset: Any, size: Any, stride: Any, named: Any) -> Tensor | None:
        """Return a view of a storage; None if that is none of torch's plain ones."""
        storage = _storage(of)
        if storage is None:
            return None
        key, dtype, numel, shift = storage
        if isinstance(named, Global):
            if named.name not in _DTYPES:
                return None
            numel = numel * dtype.itemsize // _DTYPES[named.name].itemsize
            dtype = _DTYPES[named.name]
        for numbers in ((offset,), size, stride):
            if not isinstance(numbers, tuple) or not all(_is_size(number) for number in numbers):
                raise Damaged("a tensor whose size is no number of elements")
        if key not in self.storages:
            self.storages[key] = self.read(key)
        data = self.storages[key]
        if len(data) < numel * dtype.itemsize:
            raise Damaged(f"storage {key} has {len(data)} bytes for {numel} elements")
        try:
            flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
            return flat.as_strided(size, stride, offset + shift)
        except (RuntimeError, ValueError) as error:
            raise Damaged(f"a tensor of size {list(size)} in {len(data)} bytes") from error


@contextmanager
def zip_file(path: Path) -> Iterator[TorchFile]:
    """Open a zip archive of torch.

    Raises:
        EndsEarly: Its end is missing.
        Damaged: It is no archive of torch, or not as torch writes it.
    """
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise EndsEarly("a zip archive without its end") from error
    with archive:
        entries = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickles) != 1:
            raise Damaged(f"a zip archive of other files ({', '.join(list(entries)[:4])})")
        root = pickles[0].removesuffix("data.pkl")

        def entry(name: str) -> bytes:
            info = entries.get(root + name)
            if info is None:
                raise Damaged(f"the archive lacks {root}{name}")
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > path.stat().st_size:
                raise Damaged(f"{root}{name} is compressed, which torch does not do")
            try:
                return archive.read(info)
            except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
                raise Damaged(f"{root}{name}: {error}") from error

        def read(key: str) -> bytearray:
            return bytearray(entry(f"data/{key}"))

        if root + "byteorder" in entries and entry("byteorder") != b"little":
            raise Damaged("numbers in another byte order; save it on this kind of machine")
        scripted = any(name.startswith(f"{root}code/") for name in entries)
        found = load(io.BytesIO(entry("data.pkl")))
        yield TorchFile(found.value, found.names, scripted, read)


@contextmanager
def legacy_file(path: Path) -> Iterator[TorchFile]:
    """Open a file of torch before 1.6: pickles, and then storages one after the other.

    Raises:
        EndsEarly: It ends before its last storage.
        Damaged: It is not as torch writes it.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        load(data)  # torch's number
        if load(data).value != _LEGACY_VERSION:
            raise Damaged("a version of the format that is not known")
        system = load(data).value
        if isinstance(system, dict) and system.get("little_endian") is False:
            raise Damaged("numbers in another byte order; save it on this kind of machine")
        found = load(data)
        keys = load(data).value
        if not isinstance(keys, list):
            raise Damaged("no list of storages")
        places: dict[str, tuple[int, int]] = {}  # key -> where its bytes begin and end
        storages = [_storage(reference) for reference in found.references]
        sizes = {storage[0]: storage[1].itemsize for storage in storages if storage}
        for key in map(str, keys):
            if key not in sizes:
                raise Damaged(
                    f"storage {key} of a kind that is not read, such as quantised numbers"
                )
            start = data.tell() + 8
            numel = int.from_bytes(data.read(8), "little")
            end = start + numel * sizes[key]
            if start > len(data) or end > len(data):
                raise EndsEarly(f"storage {key} ends at byte {end}, the file at {len(data)}")
            places[key] = (start, end)
            data.seek(end)

        def read(key: str) -> bytearray:
            if key not in places:
                raise Damaged(f"the file lacks storage {key}")
            start, end = places[key]
            return bytearray(data[start:end])

        yield TorchFile(found.value, found.names, False, read)


def _storage(of: Any) -> tuple[str, torch.dtype, int, int] | None:
    """Return key, dtype and elements of a storage, and the element at which a view of it begins."""
    if not isinstance(of, Persistent) or not isinstance(of.of, tuple) or len(of.of) < 5:
        return None
    kind, named, key, _, numel, *view = of.of
    if kind not in ("storage", b"storage") or not isinstance(named, Global):
        return None
    module, _, name = named.name.rpartition(".")
    if module not in _PLACES or name not in _STORAGES:
        return None
    shift = 0
    if view and isinstance(view[0], tuple) and len(view[0]) == 3:
        shift = view[0][1]
    if not (_is_size(numel) and _is_size(shift)):
        raise Damaged("a storage whose size is no number of elements")
    return str(key.decode() if isinstance(key, bytes) else key), _STORAGES[name], numel, shift


def parts(value: Any) -> list[Any]:
    """Return what a container or an inert object holds."""
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, Placeholder):
        held = [value.state, *value.items, *value.entries.values()]
        return [*value.arguments, *held]
    return list(value)


def _is_size(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**62
