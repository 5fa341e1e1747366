"""Rows of frozen features, in RAM if they fit and on disk otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import tee
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from facebench.errors import DataError
from facebench.evaluation.probe.buffers import empty_buffer
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

    Args:
        features: ``[N, D]``, floating: a NumPy array or memory map, a CPU tensor, or a matrix.
        rows: ``[n]`` positions of the rows of this matrix; all when None. The rows are not
            copied.
        memory_budget: Bytes that rows of a memory map may take in memory.

    Raises:
        DataError: If the features are not a floating ``[N, D]`` array with at least one row and
            one column, or a row does not exist, or the file of a memory map is gone.
    """

    _source: ArrayLike | DiskRows
    _rows: torch.Tensor | None

    def __init__(
        self,
        features: ArrayLike | FeatureMatrix,
        *,
        rows: npt.ArrayLike | torch.Tensor | None = None,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
    ) -> None:
        if isinstance(features, FeatureMatrix):
            self._source, self._rows = features._source, features._rows
        else:
            _check_features(features)
            self._source, self._rows = _source(features, memory_budget), None
        if rows is not None:
            index = _as_rows(rows, len(self))
            self._rows = index if self._rows is None else self._rows[index]

    def __len__(self) -> int:
        return int(self._source.shape[0] if self._rows is None else self._rows.numel())

    @property
    def width(self) -> int:
        """D, the number of values in a row."""
        return int(self._source.shape[1])

    def gather(self, index: torch.Tensor, out: torch.Tensor) -> None:
        """Read rows into a buffer.

        Args:
            index: ``[B]`` int64, positions within this matrix; not checked.
            out: ``[B, D]`` float32, contiguous; overwritten.
        """
        source = self._source
        if self._rows is not None:
            index = self._rows[index]
        if isinstance(source, DiskRows):
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
            buffer: ``[B, D]`` float32, contiguous, of the largest batch; overwritten.

        Yields:
            Positions and rows ``[B, D]``, the beginning of the buffer, valid until the next batch
            is requested; they may be written to.
        """
        if isinstance(self._source, DiskRows):
            ahead, now = tee(indexes)
            mapped = (index if self._rows is None else self._rows[index] for index in ahead)
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
