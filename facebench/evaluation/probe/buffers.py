"""Memory buffers for fast reading of rows of features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

LINE = 64  # bytes of a cache line


def empty_array(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an uninitialised array on huge pages, where available, aligned to a cache line.

    NumPy requests huge pages from Linux and torch does not; random rows of 25 kB are read about a
    quarter faster from and into them. Torch aligns to cache lines and NumPy does not; products of
    cached rows take a sixth longer if vectors straddle two lines.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    longer = np.empty(size + LINE, np.uint8)
    start = -longer.ctypes.data % LINE
    return longer[start : start + size].view(dtype).reshape(shape)


def empty_buffer(*shape: int) -> torch.Tensor:
    """Return an uninitialised float32 tensor in such memory."""
    return torch.from_numpy(empty_array(shape, np.float32))
