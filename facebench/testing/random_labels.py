"""Random labels, for checks of methods that learn from labels."""

from __future__ import annotations

import numpy as np

from facebench.method import MethodInfo
from facebench.targets import TargetKind, Targets

_KINDS: tuple[TargetKind, ...] = ("classes", "labels", "numbers", "identities")


def kinds_of(info: MethodInfo) -> tuple[TargetKind | None, ...]:
    """Return the kinds of labels that a method has to learn from; None alone for no labels."""
    if not info.labelled:
        return (None,)
    return _KINDS if info.needs == "labels" else ("identities",)


def random_targets(kind: TargetKind, count: int) -> Targets:
    """Return labels of ``count`` images: of three classes, two labels, three angles, or persons.

    A person has two images.
    """
    rng = np.random.default_rng(0)
    if kind == "classes":
        return Targets(kind, ("a", "b", "c"), np.arange(count, dtype=np.int64) % 3)
    if kind == "labels":
        values = rng.integers(0, 2, (count, 2)).astype(np.float32)
        return Targets(kind, ("a", "b"), values)
    if kind == "numbers":
        values = rng.normal(0, 20, (count, 3)).astype(np.float32)
        return Targets(kind, ("yaw", "pitch", "roll"), values)
    return Targets(kind, (), np.arange(count, dtype=np.int64) // 2)
