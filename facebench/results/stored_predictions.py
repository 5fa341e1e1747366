"""The per-sample predictions of a result, and what scoring them takes of its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from facebench.errors import StageError

_FEW_ROWS = 100_000  # take no memory that matters


@dataclass(frozen=True)
class StoredPredictions:
    """Predictions of one result. A process is handed these in a tenth of the time of a result.

    Args:
        path: Path of the file (parquet).
        task: Title of the task.
        protocol: Name of the protocol.
        metrics: Names of the metrics that tables show: those of columns, and the main one.
        scored: Number of scored test items, as recorded.
        resamples: Number of draws of the intervals.
    """

    path: Path
    task: str
    protocol: str
    metrics: tuple[str, ...]
    scored: int
    resamples: int

    def read(self) -> pd.DataFrame:
        """Return the predictions, one row per test item, read anew.

        Raises:
            StageError: The file is missing, or cannot be read.
        """
        if not self.path.exists():
            raise StageError(f"{self.path}: the predictions of this result are missing.")
        try:
            from pyarrow.parquet import ParquetFile

            # In half the time of pandas.read_parquet, which counts where many results are read.
            # Small files need no thread that reads ahead.
            with ParquetFile(self.path, pre_buffer=False) as stored:
                self._check_size(stored.metadata.num_rows)
                rows: pd.DataFrame = stored.read(use_threads=False).to_pandas(use_threads=False)
                return rows
        except (OSError, ValueError) as error:  # pyarrow's own errors are among these
            reason = str(error).splitlines()[0]
            raise StageError(f"{self.path}: cannot be read ({reason}).") from error

    def _check_size(self, rows: int) -> None:
        """Refuse predictions of far more items than were scored: a few bytes can hold millions."""
        if rows > 2 * self.scored + _FEW_ROWS:  # else it is for validation to say
            raise ValueError(f"{rows:,} rows of {self.scored:,} scored items")
