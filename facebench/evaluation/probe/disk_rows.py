"""Rows of an array file that may be larger than memory, prefetched with system calls.

Pages of a memory map count as memory of the process once they are touched, so reading a large store
through its map makes the process as large as the store. Rows copied by ``pread`` into a buffer do
not; the kernel's page cache still serves the next epoch, and is freed when memory is needed.

As many of the first rows as the budget allows are kept in memory. Batches are drawn uniformly, so
this saves that share of all reading. While a batch is being computed with, two threads read the
next one. All its rows are first announced to the kernel, which then asks the disk for all at once
(random rows of 64 kB that no cache holds: 0.2 GB/s without, 0.5 GB/s with).
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from facebench.errors import DataError
from facebench.evaluation.probe.buffers import empty_array

READERS = 2
_MOST_BYTES = 2**28  # bytes of one system call; the limit of all systems is 2**31

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ArrayFile:
    """Location of the rows of an array in a file.

    Args:
        path: Path of the file.
        offset: Offset of the first row in bytes.
        shape: ``(N, D)``.
        dtype: Type of the values, in the machine's byte order.
    """

    path: str
    offset: int
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, array: npt.NDArray[Any]) -> ArrayFile | None:
        """Find the file behind a memory map ``[N, D]`` or a view of one.

        Returns:
            None for an array in memory, and for one whose rows are not the file's: transposed or
            strided, changed in memory (mode ``c``), of another machine's byte order; and on a
            system without ``preadv``.
        """
        root = _memory_map(array)
        if root is None or root.filename is None or root.mode == "c" or not hasattr(os, "preadv"):
            return None
        if array.ndim != 2 or not array.flags.c_contiguous or not array.dtype.isnative:
            return None
        offset = root.offset + array.ctypes.data - root.ctypes.data
        return cls(str(root.filename), offset, (array.shape[0], array.shape[1]), array.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.shape[0] * self.row_bytes

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.shape[1] * self.dtype.itemsize

    def load(self, count: int) -> torch.Tensor:
        """Return the first ``count`` rows in memory, in the file's own type.

        Raises:
            DataError: The file is gone or too short.
        """
        values = empty_array((count, self.shape[1]), self.dtype)
        descriptor = _open(self.path)
        try:
            _read_into(descriptor, values, self.offset, self.path)
        finally:
            os.close(descriptor)
        return torch.from_numpy(values)


class DiskRows:
    """The rows of an array file, the first ones in memory; not to be shared by threads.

    Args:
        file: Location of the rows.
        memory_budget: Largest number of bytes of rows in memory.

    Raises:
        DataError: The file is gone or too short.
    """

    def __init__(self, file: ArrayFile, memory_budget: int) -> None:
        self.file, self.shape, self.dtype = file, file.shape, file.dtype
        first = file.load(min(memory_budget // file.row_bytes, file.shape[0]))
        self._first: npt.NDArray[Any] = first.numpy()
        self._descriptor = _open(file.path)
        weakref.finalize(self, os.close, self._descriptor)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="rows")

    def batches(
        self, indexes: Iterable[torch.Tensor], buffer: torch.Tensor
    ) -> Iterator[torch.Tensor]:
        """Read some rows after others, one batch ahead of what the caller computes with.

        Args:
            indexes: ``[B]`` int64 each, rows in any order; not checked. Fastest when ascending.
            buffer: ``[B, D]`` float32, of the largest batch; overwritten.

        Yields:
            ``[B, D]``, the beginning of the buffer, valid until the next one is requested.

        Raises:
            DataError: The file has become too short.
        """
        # Two in turn: one is read into while the other is converted.
        staging = [np.empty((len(buffer), self.shape[1]), self.dtype) for _ in range(2)]
        pending: tuple[npt.NDArray[Any], list[Future[None]]] | None = None
        for number, index in enumerate(indexes):
            values = staging[number % 2][: len(index)]
            started = values, self._start(index.numpy(), values)
            if pending is not None:
                yield _converted(*pending, buffer)
            pending = started
        if pending is not None:
            yield _converted(*pending, buffer)

    def _start(self, rows: Rows, values: npt.NDArray[Any]) -> list[Future[None]]:
        """Let the readers copy some rows into ``values``."""
        runs = list(self._runs(rows))
        return [
            self._readers.submit(self._read, runs[reader::READERS], values)
            for reader in range(READERS)
        ]

    def _runs(self, rows: Rows) -> Iterator[tuple[int, int, int]]:
        """Cut rows into consecutive runs, at the end of those in memory, and for each reader.

        Yields:
            First position among the rows, last one (exclusive), and the row at the first.
        """
        cut = np.diff(rows) != 1
        cut |= rows[1:] == len(self._first)
        cut[-(-len(rows) // READERS) - 1 :: -(-len(rows) // READERS)] = True
        starts = [0, *(np.flatnonzero(cut) + 1).tolist()]
        yield from zip(starts, [*starts[1:], len(rows)], rows[starts].tolist(), strict=True)

    def _read(self, runs: list[tuple[int, int, int]], values: npt.NDArray[Any]) -> None:
        """Copy runs of rows from memory or disk."""
        if hasattr(os, "posix_fadvise"):
            for start, stop, row in runs:
                if row >= len(self._first):
                    length = (stop - start) * self.file.row_bytes
                    place = self._place(row)
                    os.posix_fadvise(self._descriptor, place, length, os.POSIX_FADV_WILLNEED)
        for start, stop, row in runs:
            if row < len(self._first):
                values[start:stop] = self._first[row : row + stop - start]
            else:
                place = self._place(row)
                _read_into(self._descriptor, values[start:stop], place, self.file.path)

    def _place(self, row: int) -> int:
        """Position of a row in the file."""
        return self.file.offset + row * self.file.row_bytes


def _converted(
    values: npt.NDArray[Any], reading: list[Future[None]], buffer: torch.Tensor
) -> torch.Tensor:
    """Wait for a batch, and bring it to the buffer as float32."""
    for part in reading:
        part.result()
    return buffer[: len(values)].copy_(torch.from_numpy(values))


def _memory_map(array: npt.NDArray[Any]) -> np.memmap[Any, Any] | None:
    """The memory map that an array is a view of."""
    found: np.memmap[Any, Any] | None = None
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            found = base  # the last one: views of a map are maps, too, with its own offset
        base = base.base
    return found


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}. Extract the features again.") from error


def _read_into(descriptor: int, values: npt.NDArray[Any], place: int, path: str) -> None:
    """Fill an array from a file, ``place`` bytes from its beginning on."""
    target = values.reshape(-1).view(np.uint8).data
    while target:
        count = os.preadv(descriptor, [target[:_MOST_BYTES]], place)
        if not count:
            raise DataError(
                f"{path} is too short: found its end at byte {place}; expected {len(target)} more "
                "bytes. Extract the features again."
            )
        target, place = target[count:], place + count
