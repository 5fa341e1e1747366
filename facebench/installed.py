"""What installed distributions register under facebench's groups of entry points.

Reading the metadata of every distribution takes a tenth of a second, and a command asks for it many
times. So it is read once for each state of the import path: a distribution that is installed or
removed later changes the modification time of a folder there.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, entry_points
from pathlib import Path


@dataclass(frozen=True)
class Registered:
    """One entry point.

    Args:
        name: Its name.
        value: ``module:attribute``.
        owner: Distribution and version.
    """

    name: str
    value: str
    owner: str


def registered(group: str) -> tuple[Registered, ...]:
    """Return the entry points of a group, such as ``facebench.methods``, in the order found."""
    return _read(group, tuple((path, _changed(path)) for path in sys.path))


@lru_cache(maxsize=8)
def _read(group: str, path: tuple[tuple[str, int], ...]) -> tuple[Registered, ...]:
    """Read a group; ``path`` is the state of the import path that it is of."""
    owners: dict[int, str] = {}  # of each distribution; its metadata are parsed at each access
    found = []
    for point in entry_points(group=group):
        if id(point.dist) not in owners:
            owners[id(point.dist)] = _owner(point.dist)
        found.append(Registered(point.name, point.value, owners[id(point.dist)]))
    return tuple(found)


def _owner(distribution: Distribution | None) -> str:
    return f"{distribution.name} {distribution.version}" if distribution else "unknown"


def _changed(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0
