"""Test items that several results have in common, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pandas as pd
import pyarrow as pa

from facebench.errors import StageError
from facebench.results.stored_predictions import StoredPredictions
from facebench.runtime.seal import RunningDigest


def aligned(several: Sequence[StoredPredictions]) -> list[pd.DataFrame]:
    """Read predictions of the same test items, row by row.

    Items that not all of them could score are left out.

    Raises:
        StageError: They have no item in common, or differ in what is true of one, or an item is
            there twice.
    """
    frames = [predictions.read() for predictions in several]
    names = [_names(frame) for frame in frames]
    if not all(index.equals(names[0]) for index in names[1:]):
        if not all(index.is_unique for index in names):
            raise StageError(
                f"{several[0].path.stem} and others cannot be compared item by item: found an item "
                "twice; expected each once. Run them again on the same data."
            )
        common = reduce(lambda a, b: a[a.isin(b)], names)
        frames = [_rows_of(frame, common) for frame in frames]
    true = _true_columns(frames[0])
    empty = not len(frames[0])
    for predictions, frame, index in zip(several, frames, names, strict=True):
        apart = not index.isin(names[0]).any() if empty else not frame[true].equals(frames[0][true])
        if apart:
            what = "no test item in common" if empty else "other labels for the same items"
            both = f"{several[0].path.stem} and {predictions.path.stem}"
            raise StageError(
                f"{both} cannot be compared: found {what}; expected one test set. Run both on the "
                "same data."
            )
    if empty:  # though every one has some in common with the first
        raise StageError(
            f"{several[0].path.stem} and others cannot be compared: found no test item that all of "
            "them have; expected one test set. Run them on the same data."
        )
    return frames


def restricted(frame: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of those items that another frame has, in its order.

    Args:
        frame: Predictions of all of these items, and of more or in another order.
        items: Predictions of the items.
    """
    return _rows_of(frame, _names(items))


def items_digest(frame: pd.DataFrame) -> str:
    """Return the digest of the test items of predictions in their order.

    Predictions with one digest are of the same items, of which the same is true.
    """
    running = RunningDigest()
    for column in (*_keys(frame), *_true_columns(frame)):
        values = frame[column]
        text = values.dtype.kind == "O"
        content = _bytes_of_texts(values) if text else values.to_numpy().tobytes()
        kind = "text" if text else values.dtype
        running.update(f"{column} {kind} {len(values)} {len(content)} ".encode() + content)
    return running.hexdigest()


def _bytes_of_texts(values: pd.Series) -> bytes:
    """Return texts as Arrow holds them, which takes a fifth of the time of writing them as JSON.

    Raises:
        ValueError: One of them is no text.
        TypeError: Likewise.
    """
    of_arrow = isinstance(values.dtype, pd.StringDtype)
    found = pa.array(values if of_arrow else values.to_numpy(object), pa.large_string())
    one = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    _, ends, letters = one.buffers()
    # A part of a longer array has that one's buffers.
    places = np.frombuffer(ends, np.int64)[one.offset : one.offset + len(one) + 1]
    content = b"" if letters is None else memoryview(letters)[places[0] : places[-1]]
    missing = one.is_null().to_numpy(zero_copy_only=False)
    return b"".join([missing.tobytes(), (places - places[0]).tobytes(), content])


def _keys(frame: pd.DataFrame) -> list[str]:
    return ["first", "second"] if "first" in frame else ["path"]


def _names(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[_keys(frame)])


def _true_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns with what is true of an item."""
    columns = map(str, frame)
    return [c for c in columns if c.startswith("label") or c in ("same", "fold", "subject")]


def _rows_of(frame: pd.DataFrame, names: pd.MultiIndex) -> pd.DataFrame:
    return frame.iloc[_names(frame).get_indexer(names)].reset_index(drop=True)
