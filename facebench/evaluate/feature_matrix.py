"""Frozen features as rows to draw from, in RAM when they fit and on disk when they do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from facebench.errors import DataError

ArrayLike: TypeAlias = "npt.NDArray[np.floating] | torch.Tensor"  # a np.memmap is an NDArray

DEFAULT_MEMORY_BUDGET = 4 * 2**30
"""Bytes that a copy of one feature array may take."""


class FeatureMatrix:
    """Features of a data set, of which batches of rows are read as float32.

    Arrays already in RAM are read where they lie. A memory map is copied once, in its own dtype
    (so a float16 store stays half as large and loses nothing), if that copy fits the budget;
    otherwise every batch is read from disk.

    Args:
        features: ``[N, D]``, floating: a NumPy array or memory map, or a CPU tensor.
        rows: Which rows are meant, in order (``[n]`` integers); all when None. The rows are
            never copied unless a memory map is.
        memory_budget: Bytes allowed for the copy of a memory map.

    Raises:
        DataError: If the features are not a floating ``[N, D]`` array with at least one row and
            one column, or a row does not exist.
    """

    _source: ArrayLike
    _rows: torch.Tensor | None

    def __init__(
        self,
        features: ArrayLike | FeatureMatrix,
        *,
        rows: npt.ArrayLike | torch.Tensor | None = None,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
    ) -> None:
        if isinstance(features, FeatureMatrix):
            if rows is None:
                rows = features._rows
            elif features._rows is not None:
                rows = features._rows[_as_rows(rows, len(features))]
            features = features._source
        _check_features(features)
        self._source = features
        self._rows = None if rows is None else _as_rows(rows, features.shape[0])
        if isinstance(features, np.ndarray):
            length = features.shape[0] if self._rows is None else self._rows.numel()
            fits = length * features.shape[1] * features.itemsize <= memory_budget
            if not _on_disk(features) and features.flags.writeable:
                self._source = torch.from_numpy(features)
            elif _on_disk(features) and fits:
                self._source, self._rows = _copy(features, self._rows), None

    def __len__(self) -> int:
        return int(self._source.shape[0] if self._rows is None else self._rows.numel())

    @property
    def width(self) -> int:
        """D, the number of values in a row."""
        return int(self._source.shape[1])

    @property
    def resident(self) -> bool:
        """Whether batches come from RAM."""
        return isinstance(self._source, torch.Tensor) or not _on_disk(self._source)

    def gather(self, index: torch.Tensor, out: torch.Tensor) -> None:
        """Read rows into a buffer.

        Args:
            index: ``[B]`` int64, positions within this matrix; not checked.
            out: ``[B, D]`` float32, contiguous; overwritten.
        """
        if self._rows is not None:
            index = self._rows[index]
        if isinstance(self._source, torch.Tensor):
            if self._source.dtype == torch.float32:
                torch.index_select(self._source, 0, index, out=out)
            else:
                out.copy_(torch.index_select(self._source, 0, index))
        elif self._source.dtype == np.float32:
            # mode="clip" writes straight into `out`; "raise" would go through a buffer.
            np.take(self._source, index.numpy(), axis=0, out=out.numpy(), mode="clip")
        else:
            out.copy_(torch.from_numpy(np.take(self._source, index.numpy(), axis=0)))

    def blocks(self, size: int) -> Iterator[tuple[slice, torch.Tensor]]:
        """All rows in order, a block at a time.

        Args:
            size: Rows in a block; the last one may be shorter.

        Yields:
            The positions of the block and its features ``[b, D]`` float32, valid until the next
            block is asked for and not to be written to.
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
        for cut in cuts:
            block = buffer[: cut.stop - cut.start]
            self.gather(torch.arange(cut.start, cut.stop), block)
            yield cut, block


def empty_buffer(*shape: int) -> torch.Tensor:
    """An uninitialised float32 tensor on huge pages where the system offers them.

    NumPy asks Linux for huge pages and torch does not; random rows of 25 kB are read about a
    quarter faster from and into them.
    """
    return torch.from_numpy(np.empty(shape, dtype=np.float32))


def _on_disk(array: npt.NDArray[np.floating]) -> bool:
    """Whether an array is a memory map, or a view of one."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def _copy(array: npt.NDArray[np.floating], rows: torch.Tensor | None) -> torch.Tensor:
    """The rows of a memory map in RAM, in its own dtype and with no second copy on the way."""
    if rows is None:
        copy = np.empty(array.shape, array.dtype)
        copy[:] = array
    else:
        copy = np.empty((rows.numel(), array.shape[1]), array.dtype)
        np.take(array, rows.numpy(), axis=0, out=copy, mode="clip")
    return torch.from_numpy(copy)


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
