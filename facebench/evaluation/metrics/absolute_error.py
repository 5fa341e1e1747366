"""Mean absolute errors of several targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from facebench.evaluation.metrics.intervals import as_json

Floats = npt.NDArray[np.float64]

YAW = "yaw"
YAW_RANGES = ((0, 30), (30, 60), (60, 99))  # degrees; poses beyond 99 are not in the benchmark


def metric_names(targets: Sequence[str]) -> list[str]:
    """Return the names of the values of ``mean_errors``: ``mae``, ``mae_yaw`` ..."""
    return ["mae", *(f"mae_{target}" for target in targets)]


def mean_errors(errors: npt.ArrayLike) -> Floats:
    """Return the mean of all targets' mean absolute errors, and each of these.

    Args:
        errors: ``[N, T]``, of either sign, in the units of the targets.

    Returns:
        ``[1 + T]``; NaN without items.
    """
    absolute = np.abs(np.asarray(errors, dtype=np.float64))
    if not len(absolute):
        return np.full(1 + absolute.shape[1], np.nan)
    of_targets = absolute.mean(0)
    return np.append(of_targets.mean(), of_targets)


def errors_by_yaw(
    errors: npt.ArrayLike, yaw: npt.ArrayLike, targets: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the errors of frontal, half-profile and profile faces separately.

    Args:
        errors: ``[N, T]``, of either sign.
        yaw: ``[N]`` true angles, in degrees.
        targets: Names of the errors.

    Returns:
        For each range of ``|yaw|`` (from, inclusive, to, exclusive but for the last) the number of
        items and the errors; null where there is no item.
    """
    off, table = np.asarray(errors, dtype=np.float64), []
    for (low, high), inside in zip(YAW_RANGES, in_yaw_ranges(yaw), strict=True):
        values = as_json(mean_errors(off[inside]))
        named = dict(zip(metric_names(targets), values, strict=True))
        table.append({"from": low, "to": high, "n": int(inside.sum()), **named})
    return table


def in_yaw_ranges(yaw: npt.ArrayLike) -> list[npt.NDArray[np.bool_]]:
    """Return for each of :data:`YAW_RANGES` which items ``[N]`` are in it, by their true yaw."""
    turned = np.abs(np.asarray(yaw, dtype=np.float64))
    return [
        (turned >= low) & ((turned <= high) if (low, high) == YAW_RANGES[-1] else (turned < high))
        for low, high in YAW_RANGES
    ]
