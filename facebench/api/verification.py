"""Whether a stored result holds here: it is run again from its checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facebench.api.places import data_folder, optional_path, paths
from facebench.api.results import opened
from facebench.progress import Progress
from facebench.registry import Registry
from facebench.reproduce import Reproduction, reproduce
from facebench.results.store import Result
from facebench.runtime.device import resolve_device
from facebench.runtime.terminal import TerminalProgress
from facebench.runtime.workspace import Workspace, default_cache


def verify(
    result: Result | str | Path,
    *,
    checkpoint: str | Path | None = None,
    tolerance: float = 0.0,
    device: str = "auto",
    data: str | Path | None = None,
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> Reproduction:
    """Run a stored result again from its checkpoint: ``facebench verify``.

    Args:
        result: A result, or its JSON file.
        checkpoint: Folder of its checkpoint, if that is not in the cache.
        tolerance: By how much stored values may differ.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``.
        data: Folder of the real datasets; by default ``FACEBENCH_DATA``.
        cache: Where stages are kept; by default ``FACEBENCH_CACHE``.
        plugins: Python files with a method, task or backbone.
        progress: Progress reporter; by default a bar, where one can be drawn.

    Returns:
        What came out; its ``reproduced`` says whether dataset, weights and scores are the same.

    Raises:
        FacebenchError: It cannot be run.
    """
    stored = opened(result)
    workspace = Workspace(
        cache=optional_path(cache) or default_cache(), results=stored.path.parent,
        data=data_folder(data), device=resolve_device(device),
        progress=progress or TerminalProgress(),
    )  # fmt: skip
    return reproduce(
        stored, workspace, Registry(paths(plugins)),
        checkpoint=optional_path(checkpoint), tolerance=tolerance,
    )  # fmt: skip
