"""The feature store: one row per image, on disk, which may be larger than memory."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from facebench.errors import StageError
from facebench.evaluation.features_record import Extracted, FeaturesRecord
from facebench.runtime.atomic import atomic_write, sweep
from facebench.runtime.seal import RunningDigest, running_digest
from facebench.runtime.stage_record import check_files, read_stage_record, write_stage_record

if TYPE_CHECKING:
    import torch

SECONDS_BETWEEN_MARKS = 10.0
VALUES = "features.npy"
RECORD = "features.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Features:
    """Features of a dataset's images, in the order of its table.

    Args:
        values: ``[N, D]`` float16 or float32, memory-mapped.
        broken: Rows whose image could not be read (``--skip-broken``); their values are zeros.
        seconds: How long the extraction took.
        layers: Layers of the model that a row holds, one after the other, ``D / layers`` each.
        device: Where probes compute with them; None: on the CPU.
    """

    values: np.ndarray
    broken: tuple[int, ...]
    seconds: float
    layers: int = 1
    device: torch.device | None = None

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
        header = _header(shape, dtype)
        row_bytes = shape[1] * np.dtype(dtype).itemsize
        self._digest = RunningDigest()
        self._digest.update(header)
        resumed = self._resume(len(header), row_bytes)
        self._check_space((shape[0] - self.done) * row_bytes)
        self._file = (self.partial / VALUES).open("r+b" if resumed else "w+b")
        self._file.write(header)
        self._file.truncate(len(header) + shape[0] * row_bytes)
        self._file.seek(len(header) + self.done * row_bytes)
        self._marked = time.monotonic()

    def __enter__(self) -> FeatureWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, block: np.ndarray, broken: list[int]) -> None:
        """Write the next rows ``[n, D]``, and record the positions of broken ones among all rows.

        The progress file is updated every few seconds.
        """
        rows = np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
        self._file.write(rows)
        self._digest.update(rows)
        self.done += len(block)
        self.broken += broken
        if time.monotonic() - self._marked > SECONDS_BETWEEN_MARKS:
            self.mark()

    def mark(self) -> None:
        """Update the progress file, so that the rows written so far survive an interruption."""
        self._sync()
        state = {
            "layout": self._layout, "done": self.done, "broken": self.broken,
            "digest": self._digest.hexdigest(),
        }  # fmt: skip
        atomic_write(self._state, json.dumps(state))
        self._marked = time.monotonic()

    def finish(self, record: dict[str, Any]) -> None:
        """Write the record and rename the folder to its final name.

        Args:
            record: What :class:`FeaturesRecord` has, without format, rows and digests.
        """
        self._sync()
        record = {**record, "rows": self.done, "broken": self.broken}
        digests = {VALUES: self._digest.hexdigest()}
        write_stage_record(self.partial / RECORD, FeaturesRecord, record, digests)
        self._state.unlink(missing_ok=True)
        sweep(self.partial)
        self.partial.rename(self.folder)

    def _resume(self, header: int, row_bytes: int) -> bool:
        """Take up what an earlier extraction wrote, if it is still what it wrote."""
        file = self.partial / VALUES
        try:
            state = Extracted.model_validate_json(self._state.read_bytes())
            found = running_digest(file, header + state.done * row_bytes)
        except FileNotFoundError:
            return False
        except (OSError, ValidationError, StageError) as error:
            reason = str(error).splitlines()[0]
            _log.warning("%s: extracted from the start: %s", self.partial, reason)
            return False
        if state.layout.plain() != self._layout or state.digest != found.hexdigest():
            _log.warning("%s: not what was extracted; extracted from the start", file)
            return False
        self.done, self.broken, self._digest = state.done, list(state.broken), found
        return True

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


def read_features(folder: Path, count: int | None = None) -> Features:
    """Open a finished store; values stay on disk.

    Args:
        folder: The store.
        count: Images of the dataset that it is of, where that is known.

    Raises:
        StageError: It is incomplete, changed since it was written, of another version or number of
            images.
    """
    record = read_stage_record(folder / RECORD, FeaturesRecord)
    check_files(folder, record)
    again = "Delete the folder; the next run makes it again."
    try:
        values = np.load(folder / VALUES, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StageError(f"{folder / VALUES}: {error}. {again}") from error
    rows = count or record.rows or len(values)
    if values.ndim != 2 or values.shape != (rows, record.dim):
        raise StageError(
            f"{folder / VALUES}: found values of shape {values.shape}; expected [{rows}, "
            f"{record.dim}]. {again}"
        )
    if max(record.broken, default=0) >= rows:
        raise StageError(f"{folder / RECORD}: broken row {max(record.broken)} of {rows:,}. {again}")
    layers = record.layers or 1
    if record.dim % layers:
        raise StageError(
            f"{folder / RECORD}: found {record.dim} values of {layers} layers; expected a multiple."
            f" {again}"
        )
    return Features(values, record.broken, record.seconds, layers)


def _header(shape: tuple[int, int], dtype: str) -> bytes:
    """Return the beginning of an npy file of such an array."""
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()
