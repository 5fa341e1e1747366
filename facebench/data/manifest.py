"""Checks a task's tables against the contract at the top of :mod:`facebench.task`."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_integer_dtype

from facebench.errors import DataError, PluginError
from facebench.runtime.images import Box
from facebench.task import FOLDED, SPLITS, TaskInfo

CROP = ("left", "top", "right", "bottom")


def boxes(table: pd.DataFrame) -> list[Box | None]:
    """Return the crop of every row as ``(left, top, right, bottom)``; ``None`` without columns."""
    if CROP[0] not in table:
        return [None] * len(table)
    return list(zip(*(table[side].tolist() for side in CROP), strict=True))


def check_table(info: TaskInfo, table: pd.DataFrame) -> None:
    """Check what ``manifest`` returned.

    Args:
        info: Declaration of the task.
        table: One row per image.

    Raises:
        PluginError: A column, split, label, path or crop breaks the contract.
        DataError: A split that the protocol needs has no images.
    """
    columns = ("path", "split", *_target_columns(info))
    _need_columns(info, table, columns, "manifest()")
    splits = ("test",) if info.protocol in FOLDED else SPLITS
    unknown = sorted(set(map(str, table["split"].unique())) - set(splits))
    if unknown:
        raise _broken(info, f"manifest() gives the splits {unknown}", f"some of {list(splits)}")
    _check_paths(info, table["path"])
    _check_crop(info, table)
    for split in ("test",) if info.protocol in FOLDED else ("train", "test"):
        if not (table["split"] == split).any():
            raise DataError(
                f"{info.title}: found no images for the split '{split}'; expected "
                f"{info.counts.get(split, 'some')}. Is the download complete? {info.obtain}"
            )
    if info.protocol == "classification":
        _check_labels(info, table["label"])
    if info.targets:
        _check_targets(info, table[list(info.targets)])
    if info.protocol == "multilabel":
        _check_folds(info, table)


def check_pairs(info: TaskInfo, table: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Check what ``pairs`` of a verification task returned.

    Args:
        info: Declaration of the task.
        table: Its images.
        pairs: ``first``, ``second``, ``same``, ``fold``.

    Raises:
        PluginError: A column, path or fold breaks the contract.
        DataError: A subject, where the images name theirs, is in the pairs of two folds.
    """
    _need_columns(info, pairs, ("first", "second", "same", "fold"), "pairs()")
    if not is_bool_dtype(pairs["same"]):
        raise _broken(info, f"'same' of pairs() is {pairs['same'].dtype}", "bool")
    named = pd.concat([pairs["first"], pairs["second"]])
    unlisted = named[~named.isin(table["path"])]
    if len(unlisted):
        raise _broken(
            info, f"pairs() names {unlisted.iloc[0]!r}, which manifest() lacks", "paths of it"
        )
    if not is_integer_dtype(pairs["fold"]):
        raise _broken(info, f"'fold' of pairs() is {pairs['fold'].dtype}", "integers from 0")
    folds = sorted(pairs["fold"].unique().tolist())
    if len(folds) < 2 or folds != list(range(len(folds))):
        raise _broken(info, f"pairs() has the folds {folds[:12]}", "0, 1, ... and at least two")
    kinds = pairs.groupby("fold")["same"].nunique()
    if (kinds < 2).any():
        raise _broken(
            info, f"fold {kinds.idxmin()} has pairs of one kind", "same and different ones"
        )
    if "subject" in table:
        _check_subjects_of_pairs(info, table, pairs)


def _check_subjects_of_pairs(info: TaskInfo, table: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Refuse folds that share a subject: a fold would be tested on persons it was fitted on.

    Images without a subject (NaN) are ignored.
    """
    subjects = table.set_index("path")["subject"]
    folds = pairs["fold"].to_numpy()
    shown = pd.concat(
        pd.DataFrame({"subject": subjects[pairs[side]].to_numpy(), "fold": folds})
        for side in ("first", "second")
    )
    homes = shown.groupby("subject")["fold"].unique()
    leaks = homes[homes.map(len) > 1]
    if len(leaks):
        one, other = sorted(leaks.iloc[0])[:2]
        raise DataError(
            f"{info.title}: folds of the pairs leak: found subject '{leaks.index[0]}' in folds "
            f"{one} and {other} ({len(leaks):,} of {len(homes):,} subjects are in several); "
            "expected each subject in one. Check the list of pairs."
        )


def _check_paths(info: TaskInfo, paths: pd.Series) -> None:
    if not all(isinstance(path, str) for path in paths):
        raise _broken(info, f"'path' of manifest() is {paths.dtype}", "str")
    doubled = paths[paths.duplicated()]
    if len(doubled):
        raise _broken(info, f"manifest() has {doubled.iloc[0]!r} twice", "unique paths")
    for path in paths:
        pure = PurePosixPath(path)
        if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path:
            raise _broken(
                info, f"manifest() has the path {path!r}", "a path below the folder, with '/'"
            )


def _check_crop(info: TaskInfo, table: pd.DataFrame) -> None:
    there = [column for column in CROP if column in table]
    if not there:
        return
    _need_columns(info, table, CROP, "manifest()")
    for column in CROP:
        if not is_integer_dtype(table[column]):
            raise _broken(info, f"'{column}' of manifest() is {table[column].dtype}", "int")
    empty = (table["left"] >= table["right"]) | (table["top"] >= table["bottom"])
    if empty.any():
        first = table.loc[empty, "path"].iloc[0]
        raise _broken(info, f"the crop of {first} is empty", "left < right and top < bottom")


def _check_labels(info: TaskInfo, labels: pd.Series) -> None:
    if not is_integer_dtype(labels):
        raise _broken(info, f"'label' of manifest() is {labels.dtype}", "int")
    if not info.classes:
        raise _broken(info, "info.classes is empty", "the class names, in label order")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(info.classes):
        raise _broken(
            info, f"manifest() has labels from {low} to {high}", f"0 to {len(info.classes) - 1}"
        )


def _target_columns(info: TaskInfo) -> tuple[str, ...]:
    if info.protocol == "classification":
        return ("label",)
    if info.protocol == "verification":
        return ()
    if not info.targets:
        raise _broken(info, "info.targets is empty", "the names of the target columns")
    return (*info.targets, "fold", "subject") if info.protocol == "multilabel" else info.targets


def _check_targets(info: TaskInfo, targets: pd.DataFrame) -> None:
    numbers = targets.select_dtypes("number")
    if numbers.shape[1] != targets.shape[1] or not np.isfinite(numbers.to_numpy(float)).all():
        raise _broken(info, "a target of manifest() is not a number", "finite numbers")
    if info.protocol == "multilabel" and not targets.isin([0, 1]).to_numpy().all():
        raise _broken(info, "a target of manifest() is neither 0 nor 1", "0 or 1")


def _check_folds(info: TaskInfo, table: pd.DataFrame) -> None:
    if not is_integer_dtype(table["fold"]):
        raise _broken(info, f"'fold' of manifest() is {table['fold'].dtype}", "integers from 0")
    folds = sorted(table["fold"].unique().tolist())
    if len(folds) < 2 or folds != list(range(len(folds))):
        raise _broken(info, f"manifest() has the folds {folds[:12]}", "0, 1, ... and at least two")
    homes = table.groupby("subject")["fold"].nunique()
    if (homes > 1).any():
        raise _broken(
            info, f"subject {homes.idxmax()} is in {homes.max()} folds", "one fold for each subject"
        )


def _need_columns(
    info: TaskInfo, table: pd.DataFrame, columns: tuple[str, ...], origin: str
) -> None:
    if not isinstance(table, pd.DataFrame):
        raise _broken(info, f"{origin} returned {type(table).__name__}", "a pandas DataFrame")
    lacking = [column for column in columns if column not in table]
    if lacking:
        raise _broken(info, f"{origin} lacks the columns {lacking}", f"{list(columns)}")


def _broken(info: TaskInfo, found: str, expected: str) -> PluginError:
    return PluginError(
        f"task '{info.name}' breaks its contract: {found}; expected {expected}. "
        "See facebench/task.py."
    )
