"""Converts scores to the JSON of a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from facebench.evaluation.metrics.intervals import Interval


def as_json(value: npt.ArrayLike) -> Any:
    """Return floats, or lists of them; NaN (such as for a class without items) becomes null."""
    plain = np.asarray(value, dtype=float)
    if plain.ndim:
        return [as_json(item) for item in plain]
    return None if np.isnan(plain) else float(plain)


def with_intervals(names: Sequence[str], interval: Interval) -> dict[str, Any]:
    """Return metrics by name, and ``intervals`` with a pair ``[low, high]`` for each.

    Args:
        names: ``[K]`` names of the metrics.
        interval: Interval of shape ``[K]``.
    """
    ends = zip(as_json(interval.low), as_json(interval.high), strict=True)
    return {
        **dict(zip(names, as_json(interval.estimate), strict=True)),
        "intervals": {name: list(pair) for name, pair in zip(names, ends, strict=True)},
    }
