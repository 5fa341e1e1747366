"""Rows of frozen features: on a GPU if asked for, else in RAM if they fit and on disk otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import tee
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from facebench.errors import DataError
from facebench.evaluation.probe.buffers import empty_buffer
from facebench.evaluation.probe.device_rows import (
    CPU,
    DeviceRows,
    probing_device,
    space_for_features,
)
from facebench.evaluation.probe.disk_rows import ArrayFile, DiskRows

ArrayLike: TypeAlias = "npt.NDArray[np.floating] | torch.Tensor"  # a np.memmap is an NDArray

DEFAULT_MEMORY_BUDGET = 5 * 2**29
"""Bytes that rows of a memory map may take in memory: 2.5 GiB.

A probe is to need at most 4 GB. Buffers, heads and the optimiser's state take most of the rest
(32,768 features, a grid of 15 heads with 8 outputs).
"""


class FeatureMatrix:
    """Features of a data set, of which batches of rows are read as float32.

    Arrays already in RAM are used without a copy. A memory map is copied once, in its own dtype
    (so a float16 store stays half as large and loses nothing), if it fits the budget; otherwise
    its first rows are, and the others are read from disk for every batch (see ``disk_rows``).
    Matrices made of a matrix share its memory.

    For a GPU, rows that fit its memory are copied there once, in their own type; of others each
    batch is. Batches and blocks are then on the GPU.

    Args:
        features: ``[N, D]``, floating: a NumPy array or memory map, a CPU tensor, or a matrix.
        rows: ``[n]`` positions of the rows of this matrix; all when None. The rows are not
            copied.
        memory_budget: Bytes that rows of a memory map may take in memory.
        device: Where rows are computed with; None, or no CUDA device: the CPU. That of a matrix is
            kept.

    Raises:
        DataError: If the features are not a floating ``[N, D]`` array with at least one row and
            one column, or a row does not exist, or the file of a memory map is gone.
    """

    _source: ArrayLike | DiskRows | DeviceRows
    _rows: torch.Tensor | None

    def __init__(
        self,
        features: ArrayLike | FeatureMatrix,
        *,
        rows: npt.ArrayLike | torch.Tensor | None = None,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
        device: torch.device | None = None,
    ) -> None:
        if isinstance(features, FeatureMatrix):
            self._source, self._rows = features._source, features._rows
        else:
            _check_features(features)
            there = probing_device(device)
            source = _source if there == CPU else partial(_on_device, there)
            self._source, self._rows = source(features, memory_budget), None
        if rows is not None:
            index = _as_rows(rows, len(self))
            self._rows = index if self._rows is None else self._rows[index]

    def __len__(self) -> int:
        return int(self._source.shape[0] if self._rows is None else self._rows.numel())

    @property
    def width(self) -> int:
        """D, the number of values in a row."""
        return int(self._source.shape[1])

    @property
    def device(self) -> torch.device:
        """Where batches and blocks are."""
        return self._source.device if isinstance(self._source, DeviceRows) else CPU

    def gather(self, index: torch.Tensor, out: torch.Tensor) -> None:
        """Read rows into a buffer.

        Args:
            index: ``[B]`` int64, positions within this matrix; not checked.
            out: ``[B, D]`` float32 on the CPU, contiguous; overwritten.
        """
        source = self._source
        if self._rows is not None:
            index = self._rows[index]
        if isinstance(source, DeviceRows):
            for _, rows in source.batches([index], [index], out):
                out.copy_(rows)
        elif isinstance(source, DiskRows):
            for _ in source.batches([index], out):
                pass
        elif isinstance(source, np.ndarray):
            taken = np.take(source, index.numpy(), axis=0)
            out.copy_(torch.from_numpy(taken.astype(np.float32, copy=False)))
        elif source.dtype == torch.float32:
            torch.index_select(source, 0, index, out=out)
        else:
            out.copy_(torch.index_select(source, 0, index))

    def batches(
        self, indexes: Iterable[torch.Tensor], buffer: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Read one batch after the other; from disk, the next one while this one is computed with.

        Args:
            indexes: ``[B]`` int64 each, positions within this matrix; not checked.
            buffer: ``[B, D]`` float32 on the CPU, contiguous, of the largest batch; overwritten.

        Yields:
            Positions and rows ``[B, D]``, the beginning of the buffer or memory of the device,
            valid until the next batch is requested; they may be written to.
        """
        if isinstance(self._source, DiskRows | DeviceRows):
            ahead, now = tee(indexes)
            mapped = (index if self._rows is None else self._rows[index] for index in ahead)
            if isinstance(self._source, DeviceRows):
                yield from self._source.batches(now, mapped, buffer)
                return
            yield from zip(now, self._source.batches(mapped, buffer), strict=True)
            return
        for index in indexes:
            rows = buffer[: len(index)]
            self.gather(index, rows)
            yield index, rows

    def blocks(self, size: int) -> Iterator[tuple[slice, torch.Tensor]]:
        """All rows in order, a block at a time.

        Args:
            size: Rows in a block; the last one may be shorter.

        Yields:
            The positions of the block and its features ``[b, D]`` float32, valid until the next
            block is requested and not to be written to.
        """
        source, count = self._source, len(self)
        cuts = [slice(start, min(start + size, count)) for start in range(0, count, size)]
        if (
            self._rows is None
            and isinstance(source, torch.Tensor)
            and source.dtype == torch.float32
        ):
            yield from ((cut, source[cut]) for cut in cuts)
            return
        buffer = empty_buffer(min(size, count), self.width)
        indexes = (torch.arange(cut.start, cut.stop) for cut in cuts)
        for cut, (_, rows) in zip(cuts, self.batches(indexes, buffer), strict=True):
            yield cut, rows


def _source(features: ArrayLike, memory_budget: int) -> ArrayLike | DiskRows:
    """Where rows are read: memory if the features are there or fit it, else disk."""
    if isinstance(features, torch.Tensor):
        return features
    file = ArrayFile.of(features)
    if file is not None:
        fits = file.nbytes <= memory_budget
        return file.load(file.shape[0]) if fits else DiskRows(file, memory_budget)
    # torch warns of an array that must not be written to, and refuses a foreign byte order.
    usable = features.flags.writeable and features.dtype.isnative
    return torch.from_numpy(features) if usable else features


def _on_device(device: torch.device, features: ArrayLike, memory_budget: int) -> DeviceRows:
    """Rows of a GPU, which stay there if they fit."""
    half = features.dtype in (torch.float16, np.dtype(np.float16))
    dtype = torch.float16 if half else torch.float32
    kept = features.shape[0] * features.shape[1] * dtype.itemsize <= space_for_features(device)
    host = FeatureMatrix(features, memory_budget=0 if kept else memory_budget)
    return DeviceRows(host, dtype, device, kept=kept)


def _check_features(features: ArrayLike) -> None:
    """Refuse what is not a floating ``[N, D]`` array."""
    floating = (
        features.is_floating_point()
        if isinstance(features, torch.Tensor)
        else np.issubdtype(features.dtype, np.floating)
    )
    if features.ndim != 2 or 0 in features.shape or not floating:
        raise DataError(
            f"these features cannot be probed: found {features.dtype} of shape "
            f"{tuple(features.shape)}; expected floating numbers [N, D] with N and D at least 1. "
            "Extract the features again."
        )


def _as_rows(rows: npt.ArrayLike | torch.Tensor, length: int) -> torch.Tensor:
    """Row positions as int64, checked against the number of rows."""
    index = torch.as_tensor(rows)
    whole = not (index.is_floating_point() or index.dtype == torch.bool)
    if (
        not whole
        or index.ndim != 1
        or index.numel() == 0
        or index.min() < 0
        or index.max() >= length
    ):
        span = f" from {index.min()} to {index.max()}" if index.numel() and whole else ""
        raise DataError(
            f"these rows do not exist: found {index.dtype} of shape {tuple(index.shape)}{span}; "
            f"expected [n] integers from 0 to {length - 1}. Check that the manifest and the "
            "features belong together."
        )
    return index.to(torch.int64)
