"""Sums over the units of a draw, of which each item of some rows is one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

Ints = npt.NDArray[np.int64]


def unit_sums(rows: Ints, of_item: Ints, shape: tuple[int, int], kind: npt.DTypeLike) -> Any:
    """Return the sparse matrix that turns how often units are drawn into sums of rows of items.

    Args:
        rows: ``[N]`` row of each item, 0-based.
        of_item: ``[N]`` unit of each item, 0-based.
        shape: Number of rows and of units.
        kind: Type of integers that can hold the sums.

    Returns:
        ``[rows, units]``: how many items of a unit are in a row.
    """
    # Sorted here, which takes a fifth of the time of scipy's conversion from coordinates.
    order = np.argsort(rows, kind="stable")
    ends = np.bincount(rows, minlength=shape[0]).cumsum()
    parts = (np.ones(len(rows), kind), of_item[order], np.concatenate([[0], ends]))
    return scipy.sparse.csr_array(parts, shape=shape)
