"""The feature store: one row of numbers per image, memory-mapped, never whole in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facebench.atomic import atomic_write
from facebench.errors import StageError
from facebench.workspace import read_record, to_json

FORMAT = 1
VALUES = "features.npy"
RECORD = "features.json"


@dataclass(frozen=True)
class Features:
    """Features of a dataset's images, in the order of its table.

    Args:
        values: ``[N, D]`` float16 or float32, memory-mapped.
        broken: Rows whose image could not be read (``--skip-broken``); their values are zeros.
        record: The JSON: what was extracted, from what, how fast.
    """

    values: np.ndarray
    broken: tuple[int, ...]
    record: dict[str, Any]

    @property
    def readable(self) -> np.ndarray:
        """Return a mask ``[N]`` of the rows that have features."""
        mask = np.ones(len(self.values), dtype=bool)
        mask[list(self.broken)] = False
        return mask


class Growing:
    """A store that is being filled, front to back, and can be taken up after a kill.

    Rows are written to ``<folder>.partial``; its progress file is replaced after each block has
    reached the disk, so a killed extraction goes on behind the last complete block.

    Args:
        folder: Where the finished store will stand.
        shape: ``(N, D)``.
        dtype: ``float16`` or ``float32``.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], dtype: str) -> None:
        self.folder = folder
        self.partial = folder.with_name(folder.name + ".partial")
        self.partial.mkdir(parents=True, exist_ok=True)
        self._state = self.partial / "progress.json"
        self.done, self.broken = 0, list[int]()
        layout = {"shape": list(shape), "dtype": dtype}
        state = json.loads(self._state.read_text()) if self._state.exists() else {}
        resumed = state.get("layout") == layout and (self.partial / VALUES).exists()
        if resumed:
            self.done, self.broken = int(state["done"]), list(state["broken"])
        self._layout = layout
        self.values = np.lib.format.open_memmap(
            self.partial / VALUES,
            mode="r+" if resumed else "w+",
            dtype=np.dtype(dtype),
            shape=None if resumed else shape,
        )

    def append(self, block: np.ndarray, broken: list[int]) -> None:
        """Write the next rows ``[n, D]`` and the positions among all rows that are broken."""
        self.values[self.done : self.done + len(block)] = block
        self.done += len(block)
        self.broken += broken

    def mark(self) -> None:
        """Make what was appended so far survive a kill."""
        self.values.flush()
        state = {"layout": self._layout, "done": self.done, "broken": self.broken}
        atomic_write(self._state, json.dumps(state))

    def finish(self, record: dict[str, Any]) -> None:
        """Write the record and give the store its name."""
        self.values.flush()
        record = {**record, "format": FORMAT, "broken": self.broken}
        (self.partial / RECORD).write_text(to_json(record), encoding="utf-8")
        self._state.unlink(missing_ok=True)
        self.partial.rename(self.folder)


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
