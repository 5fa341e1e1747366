"""Folders and files from texts, paths or the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def optional_path(value: str | Path | None) -> Path | None:
    """Return a path; None for None and for an empty text."""
    return Path(value) if value else None


def paths(values: Sequence[str | Path] | None) -> tuple[Path, ...]:
    """Return paths, none for None."""
    return tuple(map(Path, values or ()))


def data_folder(data: str | Path | None) -> Path | None:
    """Return the folder of real datasets, by default ``FACEBENCH_DATA``; None without one."""
    return optional_path(data if data is not None else os.environ.get("FACEBENCH_DATA"))
