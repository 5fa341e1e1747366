"""What a run would find on this machine: versions, device, data, cache, optional packages."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import metadata, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from facebench.api.places import data_folder, optional_path
from facebench.errors import FacebenchError

_LIBRARIES = ("torch", "torchvision", "timm", "lightly", "pytorch-lightning", "scikit-learn")
# A module that shows whether what an extra installs is there.
_EXTRAS = {
    "synth": "anny", "report": "matplotlib", "video": "av", "onnx": "onnxruntime",
    "hf": "transformers", "tensorboard": "tensorboard", "umap": "umap",
    "align": "dlib", "sign": "minisign", "ray": "ray",
    "slurm": "submitit",
}  # fmt: skip
_LITTLE = 5 * 2**30  # bytes of free disk below which a cache of features may not fit


@dataclass(frozen=True)
class Fact:
    """One line of ``facebench doctor``.

    Args:
        name: What it is about.
        state: ``ok``, ``note`` (works, but differently from what may be expected), or ``problem``.
        text: What was found, and what to do.
    """

    name: str
    state: Literal["ok", "note", "problem"]
    text: str


def doctor(*, data: str | Path | None = None, cache: str | Path | None = None) -> list[Fact]:
    """Look at what a run would use: ``facebench doctor``.

    Args:
        data: Folder of the real datasets; by default ``FACEBENCH_DATA``.
        cache: Folder of the cache; by default ``FACEBENCH_CACHE``.
    """
    from facebench.runtime.workspace import default_cache

    return [
        Fact("facebench", "ok", f"{version('facebench')}, Python {platform.python_version()}"),
        Fact("libraries", "ok", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)),
        _device(),
        *_data(data),
        _cache(optional_path(cache) or default_cache()),
        *_extras(),
    ]


def _device() -> Fact:
    from facebench.runtime.device import describe_device, resolve_device, resolve_precision

    device = resolve_device("auto")
    precision = resolve_precision("auto", device)
    said = f"{device}: {describe_device(device)}; --precision auto is {precision}"
    if precision == "32":
        return Fact("device", "note", f"{said}, since bf16 would gain nothing")
    return Fact("device", "ok", said)


def _data(data: str | Path | None) -> Iterator[Fact]:
    from facebench.audit.inventory import inventory
    from facebench.registry import Registry

    try:
        root = data_folder(data)
        found = list(inventory(Registry(()), root))
    except FacebenchError as error:
        yield Fact("data", "problem", str(error))
        return
    if root is None:
        text = "no folder: faces are rendered. Give one with --data or FACEBENCH_DATA."
        yield Fact("data", "note", text)
        return
    yield Fact("data", "ok", str(root))
    for status in found:
        if status.root is None:
            how = f"facebench data info {status.name}"
            yield Fact(status.title, "note", f"not found; {how} says how to get it")
        else:
            state: Literal["ok", "problem"] = (
                "problem" if status.state in ("unreadable", "differs") else "ok"
            )
            # An error names the task, as the line does, and the folder.
            text = status.text.removeprefix(f"{status.title}: ")
            there = f"{status.root}: "
            yield Fact(status.title, state, text if str(status.root) in text else there + text)


def _cache(folder: Path) -> Fact:
    there = next(place for place in (folder, *folder.parents) if _exists(place))
    free = shutil.disk_usage(there).free
    text = f"{folder}: {_used(folder) / 2**30:,.1f} GiB, {free / 2**30:,.1f} GiB free"
    if not os.access(there, os.W_OK):
        return Fact("cache", "problem", f"{text}; it cannot be written. Give another with --cache.")
    if free < _LITTLE:
        return Fact("cache", "problem", f"{text}; facebench cache prune frees space")
    return Fact("cache", "ok", text)


def _exists(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:  # a name that is too long, or a folder above it that this user cannot read
        return False


def _used(folder: Path) -> int:
    """Return the bytes of the files below a folder; a run may move or remove some meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(place, name).stat().st_size
    return total


def _extras() -> Iterator[Fact]:
    declared = set(metadata("facebench").get_all("Provides-Extra") or ())
    for name, module in _EXTRAS.items():
        if name not in declared:
            continue
        if find_spec(module) is not None:
            yield Fact(f"[{name}]", "ok", f"{module} is installed")
        else:
            yield Fact(f"[{name}]", "note", f"not installed: pip install 'facebench[{name}]'")
