"""The feature store: one row per image, on disk, which may be larger than memory."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facebench.errors import StageError
from facebench.runtime.atomic import atomic_write
from facebench.runtime.workspace import read_record, to_json

FORMAT = 1
SECONDS_BETWEEN_MARKS = 10.0
VALUES = "features.npy"
RECORD = "features.json"


@dataclass(frozen=True)
class Features:
    """Features of a dataset's images, in the order of its table.

    Args:
        values: ``[N, D]`` float16 or float32, memory-mapped.
        broken: Rows whose image could not be read (``--skip-broken``); their values are zeros.
        record: The JSON record: spec, dataset and timings.
    """

    values: np.ndarray
    broken: tuple[int, ...]
    record: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Return how long the extraction took."""
        seconds: float = self.record["seconds"]
        return seconds

    @property
    def readable(self) -> np.ndarray:
        """Return a mask ``[N]`` of the rows that have features."""
        mask = np.ones(len(self.values), dtype=bool)
        mask[list(self.broken)] = False
        return mask


class FeatureWriter:
    """Writes a feature store in order, and can be resumed after an interruption.

    Rows are written to ``<folder>.partial``; its progress file is replaced after each block has
    reached the disk, so a resumed extraction continues after the last complete block. Rows are
    written by system calls, because pages of a memory map would count as memory of the process.

    A context manager, which closes the file and keeps the written rows.

    Args:
        folder: Folder of the finished store.
        shape: ``(N, D)``.
        dtype: ``float16`` or ``float32``.

    Raises:
        StageError: The disk has too little space for the whole store.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], dtype: str) -> None:
        self.folder = folder
        self.partial = folder.with_name(folder.name + ".partial")
        self.partial.mkdir(parents=True, exist_ok=True)
        self._state = self.partial / "progress.json"
        self.done, self.broken = 0, list[int]()
        self._layout = {"shape": list(shape), "dtype": dtype}
        state = json.loads(self._state.read_text()) if self._state.exists() else {}
        resumed = state.get("layout") == self._layout and (self.partial / VALUES).exists()
        if resumed:
            self.done, self.broken = int(state["done"]), list(state["broken"])
        kind = np.dtype(dtype)
        row_bytes = shape[1] * kind.itemsize
        self._check_space((shape[0] - self.done) * row_bytes)
        self._file = (self.partial / VALUES).open("r+b" if resumed else "w+b")
        header = {"descr": kind.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        start = self._file.tell()
        self._file.truncate(start + shape[0] * row_bytes)
        self._file.seek(start + self.done * row_bytes)
        self._marked = time.monotonic()

    def __enter__(self) -> FeatureWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, block: np.ndarray, broken: list[int]) -> None:
        """Write the next rows ``[n, D]``, and record the positions of broken ones among all rows.

        The progress file is updated every few seconds.
        """
        self._file.write(np.ascontiguousarray(block).data)
        self.done += len(block)
        self.broken += broken
        if time.monotonic() - self._marked > SECONDS_BETWEEN_MARKS:
            self.mark()

    def mark(self) -> None:
        """Update the progress file, so that the rows written so far survive an interruption."""
        self._sync()
        state = {"layout": self._layout, "done": self.done, "broken": self.broken}
        atomic_write(self._state, json.dumps(state))
        self._marked = time.monotonic()

    def finish(self, record: dict[str, Any]) -> None:
        """Write the record and rename the folder to its final name."""
        self._sync()
        record = {**record, "format": FORMAT, "broken": self.broken}
        (self.partial / RECORD).write_text(to_json(record), encoding="utf-8")
        self._state.unlink(missing_ok=True)
        self.partial.rename(self.folder)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.partial).free
        if needed > free:
            raise StageError(
                f"{self.partial}: too little space for the features: found {free / 1e9:.1f} GB "
                f"free; expected {needed / 1e9:.1f}. Free some, or give another --cache."
            )


def read_features(folder: Path) -> Features:
    """Open a finished store; values stay on disk.

    Raises:
        StageError: It is incomplete or of another version.
    """
    record = read_record(folder / RECORD, FORMAT)
    try:
        values = np.load(folder / VALUES, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StageError(f"{folder / VALUES}: {error}. Delete the folder and run again.") from error
    return Features(values, tuple(record["broken"]), record)
