"""The seal of a result: digests over its JSON and its predictions.

Results of format 2 have none. Of those only presence and number of the predictions are checked
here; ``facebench results validate`` computes their scores again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from facebench.errors import StageError
from facebench.results.record import SEALED_SINCE, Record
from facebench.runtime.differences import MISSING, Difference
from facebench.runtime.seal import file_digest, record_digest, sealed

PREDICTIONS = "predictions"  # their name in the seal; that of the file follows from the result's


def sealed_result(record: Mapping[str, Any], predictions: Path) -> dict[str, Any]:
    """Return a result's JSON with its seal.

    Args:
        record: The result's JSON.
        predictions: The file of its predictions, as written.
    """
    return sealed(record, {PREDICTIONS: file_digest(predictions)})


def seal_violations(
    content: Mapping[str, Any], record: Record, predictions: Path
) -> Iterator[Difference]:
    """Yield what is not as it was when a result was written.

    Args:
        content: The result's JSON, as read.
        record: The same as models.
        predictions: The file of its predictions.
    """
    if not predictions.is_file():
        yield Difference("the predictions", MISSING, predictions.name)
        return
    if record.format < SEALED_SINCE:
        yield from _rows(record, predictions)
        return
    if record.seal is None:
        yield Difference("seal", MISSING, "this key")
        return
    if record.seal.record != record_digest(content):
        yield Difference("the content", "what has another digest", "that of its seal")
    if record.seal.files.get(PREDICTIONS) != file_digest(predictions):
        yield Difference("the predictions", "what has another digest", "that of the result's seal")


def check_seal(content: Mapping[str, Any], record: Record, path: Path) -> None:
    """Refuse a result that is not as it was written.

    Args:
        content: The result's JSON, as read.
        record: The same as models.
        path: Path of the result.

    Raises:
        StageError: It was edited or damaged, or its predictions were, or they are missing.
    """
    for found in seal_violations(content, record, path.with_suffix(".parquet")):
        raise StageError(
            f"{path}: changed since it was written: {found.key}: found {found.left}; expected "
            f"{found.right}. Restore both files, or measure it again with --force."
        )


def _rows(record: Record, predictions: Path) -> Iterator[Difference]:
    try:
        rows = len(pd.read_parquet(predictions, columns=[]))
    except (OSError, ValueError) as error:  # pyarrow's own errors are among these
        reason = str(error).splitlines()[0]
        yield Difference("the predictions", f"what cannot be read ({reason})", "parquet")
        return
    if rows != record.n_scored:
        yield Difference("the predictions' rows", rows, record.n_scored)
