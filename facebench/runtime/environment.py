"""Software and hardware of a result: packages, commit, device."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import torch

from facebench.runtime.device import describe_device

PACKAGES = (
    "facebench", "torch", "torchvision", "timm", "lightly", "pytorch-lightning", "scikit-learn",
    "scikit-image", "scipy", "numpy", "pandas", "pillow", "safetensors", "anny",
)  # fmt: skip


def environment(device: torch.device) -> dict[str, Any]:
    """Return package versions, the project's git commit, and the hardware, as JSON."""
    return {
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": describe_device(device),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "git_commit": git_commit(),
    }


def git_commit() -> str | None:
    """Return the commit of the checkout that facebench runs from, ``-dirty`` if it was changed.

    None when it was installed from a wheel, or git is not there.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return f"{commit}-dirty" if _git(root, "status", "--porcelain", "-uno") else commit
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
