"""Folders and files from texts, paths or the environment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facebench.runtime.listing import user_path
from facebench.runtime.workspace import default_data


def optional_path(value: str | Path | None) -> Path | None:
    """Return a path, with ``~`` as the user's home; None for None and for an empty text."""
    return user_path(value) if value else None


def paths(values: Sequence[str | Path] | None) -> tuple[Path, ...]:
    """Return paths, with ``~`` as the user's home; none for None."""
    return tuple(user_path(value) for value in values or ())


def data_folder(data: str | Path | None) -> Path | None:
    """Return the folder of real datasets, by default ``FACEBENCH_DATA``; None without one."""
    return default_data() if data is None else optional_path(data)
