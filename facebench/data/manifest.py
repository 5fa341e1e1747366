"""Checks a task's tables against the contract at the top of :mod:`facebench.task`."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pandas as pd
from pandas.api.types import is_bool_dtype, is_integer_dtype

from facebench.data.table_checks import broken, need_columns
from facebench.errors import DataError
from facebench.protocol import table_protocol
from facebench.runtime.images import Box
from facebench.task import SPLITS, Task, TaskInfo

CROP = ("left", "top", "right", "bottom")


def boxes(table: pd.DataFrame) -> list[Box | None]:
    """Return the crop of every row as ``(left, top, right, bottom)``; ``None`` without columns."""
    if CROP[0] not in table:
        return [None] * len(table)
    return list(zip(*(table[side].tolist() for side in CROP), strict=True))


def read_tables(task: Task, root: Path) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return the checked table of a task's images and, for verification, that of its pairs.

    Args:
        task: An instance, with its options.
        root: Folder of the dataset.

    Returns:
        Both with an index from 0; None in place of the pairs of other tasks.

    Raises:
        PluginError: A column, split, label, path or crop breaks the contract.
        DataError: The folder lacks something, or a split that the protocol needs has no images.
    """
    table = task.manifest(root)
    check_table(task.info, table)
    table = table.reset_index(drop=True)
    if not table_protocol(task.info.protocol).paired:
        return table, None
    pairs = task.pairs(root).reset_index(drop=True)
    check_pairs(task.info, table, pairs)
    return table, pairs


def check_table(info: TaskInfo, table: pd.DataFrame) -> None:
    """Check what ``manifest`` returned.

    Args:
        info: Declaration of the task.
        table: One row per image.

    Raises:
        PluginError: A column, split, label, path or crop breaks the contract.
        DataError: A split that the protocol needs has no images.
        UnknownNameError: There is no such protocol.
    """
    protocol = table_protocol(info.protocol)
    need_columns(info, table, ("path", "split", *protocol.table_columns(info)), "manifest()")
    splits = ("test",) if protocol.folded else SPLITS
    unknown = sorted(set(map(str, table["split"].unique())) - set(splits))
    if unknown:
        raise broken(info, f"manifest() gives the splits {unknown}", f"some of {list(splits)}")
    _check_paths(info, table["path"])
    _check_crop(info, table)
    for split in ("test",) if protocol.folded else ("train", "test"):
        if not (table["split"] == split).any():
            raise DataError(
                f"{info.title}: found no images for the split '{split}'; expected "
                f"{info.counts.get(split, 'some')}. Is the download complete? {info.obtain}"
            )
    protocol.check_table(info, table)


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
    need_columns(info, pairs, ("first", "second", "same", "fold"), "pairs()")
    if not is_bool_dtype(pairs["same"]):
        raise broken(info, f"'same' of pairs() is {pairs['same'].dtype}", "bool")
    named = pd.concat([pairs["first"], pairs["second"]])
    unlisted = named[~named.isin(table["path"])]
    if len(unlisted):
        raise broken(
            info, f"pairs() names {unlisted.iloc[0]!r}, which manifest() lacks", "paths of it"
        )
    if not is_integer_dtype(pairs["fold"]):
        raise broken(info, f"'fold' of pairs() is {pairs['fold'].dtype}", "integers from 0")
    folds = sorted(pairs["fold"].unique().tolist())
    if len(folds) < 2 or folds != list(range(len(folds))):
        raise broken(info, f"pairs() has the folds {folds[:12]}", "0, 1, ... and at least two")
    kinds = pairs.groupby("fold")["same"].nunique()
    if (kinds < 2).any():
        raise broken(
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
        raise broken(info, f"'path' of manifest() is {paths.dtype}", "str")
    doubled = paths[paths.duplicated()]
    if len(doubled):
        raise broken(info, f"manifest() has {doubled.iloc[0]!r} twice", "unique paths")
    for path in paths.tolist():  # texts: a Path of each would take longer than reading the table
        outside = path.startswith("/") or (".." in path and ".." in PurePosixPath(path).parts)
        if not path or outside or "\\" in path:
            raise broken(
                info, f"manifest() has the path {path!r}", "a path below the folder, with '/'"
            )


def _check_crop(info: TaskInfo, table: pd.DataFrame) -> None:
    there = [column for column in CROP if column in table]
    if not there:
        return
    need_columns(info, table, CROP, "manifest()")
    for column in CROP:
        if not is_integer_dtype(table[column]):
            raise broken(info, f"'{column}' of manifest() is {table[column].dtype}", "int")
    empty = (table["left"] >= table["right"]) | (table["top"] >= table["bottom"])
    if empty.any():
        first = table.loc[empty, "path"].iloc[0]
        raise broken(info, f"the crop of {first} is empty", "left < right and top < bottom")
