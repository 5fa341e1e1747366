"""The cache of stages: what is in it, whether it is whole, and how to free disk space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facebench.api.places import optional_path, paths
from facebench.results.cache import CacheEntry, cache_entries, damaged, prunable, remove
from facebench.runtime.workspace import default_cache


def list_cache(
    cache: str | Path | None = None, *, results: Sequence[str | Path] = ()
) -> list[CacheEntry]:
    """List the stages in a cache and what killed processes left: ``facebench cache list``.

    Args:
        cache: Folder of the cache; by default ``FACEBENCH_CACHE``.
        results: Folders of results; what these were computed from is marked as needed.

    Raises:
        StageError: There is no such folder, or a result cannot be used.
    """
    return cache_entries(optional_path(cache) or default_cache(), paths(results))


def prune_cache(
    cache: str | Path | None = None,
    *,
    kinds: Sequence[str] = (),
    older_than: float = 0.0,
    larger_than: int = 0,
    results: Sequence[str | Path] = (),
    needed: bool = False,
    dry_run: bool = False,
) -> list[CacheEntry]:
    """Remove parts of a cache: ``facebench cache prune``.

    Args:
        cache: Folder of the cache; by default ``FACEBENCH_CACHE``.
        kinds: Kinds of entries; by default only what killed processes left over.
        older_than: Only what was last written so many days ago, or longer.
        larger_than: Only what has so many bytes or more.
        results: Folders of results; what these were computed from stays.
        needed: Remove that, too.
        dry_run: Remove nothing.

    Returns:
        What was removed, or would be.

    Raises:
        StageError: There is no such folder, or a result cannot be used.
        UnknownNameError: There is no such kind.
    """
    chosen = prunable(
        list_cache(cache, results=results), kinds,
        older_than=older_than, larger_than=larger_than, needed=needed,
    )  # fmt: skip
    return chosen if dry_run else list(remove(chosen))


def check_cache(cache: str | Path | None = None) -> list[tuple[Path, str]]:
    """Read every file of every stage, and return the damaged ones: ``facebench cache check``.

    Args:
        cache: Folder of the cache; by default ``FACEBENCH_CACHE``.

    Returns:
        Folder and reason of each damaged stage.
    """
    folder = optional_path(cache) or default_cache()
    cache_entries(folder)  # raises where there is none
    return list(damaged(folder))
