"""Test items that several results have in common, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pandas as pd
from pydantic_core import to_json

from facebench.errors import StageError
from facebench.results.store import Result
from facebench.runtime.seal import RunningDigest


def aligned(results: Sequence[Result]) -> list[pd.DataFrame]:
    """Read the predictions of results on the same test items, row by row.

    Items that not all of them could score are left out.

    Raises:
        StageError: They have no item in common, or differ in what is true of one, or an item is
            there twice.
    """
    frames = [result.predictions for result in results]
    names = [_names(frame) for frame in frames]
    if not all(index.equals(names[0]) for index in names[1:]):
        if not all(index.is_unique for index in names):
            raise StageError(
                f"{results[0].path.name} and others cannot be compared item by item: found an item "
                "twice; expected each once. Run them again on the same data."
            )
        common = reduce(lambda a, b: a[a.isin(b)], names)
        frames = [_rows_of(frame, common) for frame in frames]
    true = _true_columns(frames[0])
    for result, frame in zip(results, frames, strict=True):
        if not len(frame) or not frame[true].equals(frames[0][true]):
            what = "other labels for the same items" if len(frame) else "no test item in common"
            raise StageError(
                f"{results[0].path.name} and {result.path.name} cannot be compared: found {what}; "
                "expected one test set. Run both on the same data."
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
        values = frame[column].to_numpy()
        text = values.dtype == object
        content = to_json(values.tolist()) if text else values.tobytes()
        running.update(f"{column} {values.dtype} {len(content)} ".encode() + content)
    return running.hexdigest()


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
