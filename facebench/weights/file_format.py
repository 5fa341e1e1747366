"""Which format a file has, by its first bytes and never by its name."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Literal

from facebench.errors import StageError
from facebench.weights.torch_file import LEGACY_NUMBER

Format = Literal["torch zip", "torch legacy", "safetensors", "shards", "npz"]

_START = 4096  # bytes that are looked at
_PICKLE = b"\x80"  # of protocol 2 or later
_NUMBER = 32  # bytes, in which torch's number is
_HEADER = 100_000_000  # bytes; safetensors allows no longer header
_LFS = b"version https://git-lfs.github.com/spec"
_MARKUP = (b"<!doctype html", b"<html", b"<?xml", b"<head", b"<body")
_ARCHIVES = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"(\xb5/\xfd": "zstd",
    b"7z\xbc\xaf'\x1c": "7z", b"Rar!": "rar",
}  # fmt: skip


def file_format(path: Path) -> Format:
    """Return the format of a file of weights.

    Raises:
        StageError: It is none; the message says what it is, where that can be seen, and what to do.
    """
    with path.open("rb") as stream:
        start = stream.read(_START)
    size = path.stat().st_size
    _refuse_no_weights(path, start, size)
    if start.startswith(b"PK"):
        return _zip_format(path)
    if start[:1] == _PICKLE and LEGACY_NUMBER in start[:_NUMBER]:
        return "torch legacy"
    if _is_index(path, start):
        return "shards"
    header = int.from_bytes(start[:8], "little")
    if start[8:9] == b"{" and header <= _HEADER:
        if 8 + header > size:
            raise truncated(path, "its header is not complete")
        return "safetensors"
    if size < _NUMBER:
        raise truncated(path, f"it has {size} bytes")
    raise unreadable(path, _guess(path, start))


def unreadable(path: Path, found: str) -> StageError:
    """Return the error for a file that is no file of weights, or a damaged one."""
    found = " ".join(found.split()).rstrip(":.")
    return StageError(
        f"{path}: cannot be read as weights: {found}; expected what torch.save, safetensors or "
        "numpy.savez writes. Download it again, or save it again."
    )


def truncated(path: Path, found: str) -> StageError:
    """Return the error for a file whose end is missing."""
    return StageError(
        f"{path}: is truncated: {' '.join(found.split())}. Its download or copy was cut short; "
        "download it again, and compare its size with the one that its source states."
    )


def _refuse_no_weights(path: Path, start: bytes, size: int) -> None:
    if not size:
        raise StageError(f"{path}: is empty; expected weights. Download it again.")
    if start.startswith(_LFS):
        found = [line for line in start.decode(errors="replace").splitlines() if "size" in line]
        raise StageError(
            f"{path}: is a Git LFS pointer of {size} bytes that stands for the weights "
            f"({', '.join(found) or 'size unknown'}). Run git lfs pull in its repository, or "
            "download the file itself."
        )
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_MARKUP):
        raise StageError(
            f"{path}: is a page of a web site (HTML), which a server sends in place of a file, for "
            "example when a download quota is used up or a login is needed. Open the address in a "
            "browser and download the file itself."
        )
    for magic, name in _ARCHIVES.items():
        if start.startswith(magic):
            raise StageError(
                f"{path}: is compressed ({name}). Unpack it, and give the file of weights in it."
            )


def _zip_format(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        raise truncated(path, "the end of its zip archive is missing") from None
    if any(name.count("/") == 1 and name.endswith("/data.pkl") for name in names):
        return "torch zip"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    if any(name.rpartition("/")[2] == "archive_format" for name in names):
        raise StageError(
            f"{path}: is a program of torch.export; expected weights. Save its state_dict with "
            "torch.save(program.state_dict, FILE)."
        )
    shown = ", ".join(names[:4]) or "nothing"
    raise StageError(
        f"{path}: is a zip archive of {shown}; expected weights. Unpack it, and give the file of "
        "weights in it."
    )


def _is_index(path: Path, start: bytes) -> bool:
    return start.lstrip().startswith(b"{") and "weight_map" in _json(path)


def shards(path: Path) -> list[Path]:
    """Return the files that an index names (``model.safetensors.index.json``), each once.

    Raises:
        StageError: A name is no name of a file beside the index, or the file is not there.
    """
    found = _json(path)["weight_map"]
    names = sorted(set(map(str, found.values()))) if isinstance(found, dict) else []
    if not names:
        raise StageError(f"{path}: its weight_map names no file; expected tensor name: file name.")
    for name in names:
        if Path(name).name != name or not name:
            raise StageError(f"{path}: names the shard {name!r}; expected a file beside the index.")
        if not (path.parent / name).is_file():
            raise StageError(
                f"{path}: names the shard {name}, which is not beside it. Download all "
                f"{len(names)} files."
            )
    return [path.parent / name for name in names]


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _guess(path: Path, start: bytes) -> str:
    """Say what a file seems to be, for the message."""
    if start.startswith(b"\x89HDF"):
        return "an HDF5 file, as Keras writes it"
    if start.startswith(b"\x93NUMPY"):
        return "one array (.npy) without a name"
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            names = archive.getnames()[:8]
        if {"pickle", "storages", "tensors"} <= set(names):
            return "a file of torch before 0.1.10"
        return f"a tar archive of {', '.join(names)}; unpack it first"
    if start[:1] == _PICKLE and start[1:2] <= b"\x05":
        return "a pickle, but not one of torch.save"
    return "no format that is known"
