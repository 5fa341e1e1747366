"""Checks of the columns of a task's table: what protocols require of what they predict."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype

from facebench.errors import PluginError
from facebench.task import TaskInfo


def check_labels(info: TaskInfo, labels: pd.Series) -> None:
    """Check that labels are indices of the task's classes.

    Raises:
        PluginError: One is none, or the task names no classes.
    """
    if not is_integer_dtype(labels):
        raise broken(info, f"'label' of manifest() is {labels.dtype}", "int")
    if not info.classes:
        raise broken(info, "info.classes is empty", "the class names, in label order")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(info.classes):
        raise broken(
            info, f"manifest() has labels from {low} to {high}", f"0 to {len(info.classes) - 1}"
        )


def named_targets(info: TaskInfo) -> tuple[str, ...]:
    """Return the target columns that a task names.

    Raises:
        PluginError: It names none.
    """
    if not info.targets:
        raise broken(info, "info.targets is empty", "the names of the target columns")
    return info.targets


def check_targets(info: TaskInfo, targets: pd.DataFrame) -> None:
    """Check that targets are finite numbers.

    Raises:
        PluginError: One is none.
    """
    numbers = targets.select_dtypes("number")
    if numbers.shape[1] != targets.shape[1] or not np.isfinite(numbers.to_numpy(float)).all():
        raise broken(info, "a target of manifest() is not a number", "finite numbers")


def check_binary(info: TaskInfo, targets: pd.DataFrame) -> None:
    """Check that targets are 0 or 1.

    Raises:
        PluginError: One is neither.
    """
    if not targets.isin([0, 1]).to_numpy().all():
        raise broken(info, "a target of manifest() is neither 0 nor 1", "0 or 1")


def check_folds(info: TaskInfo, table: pd.DataFrame) -> None:
    """Check that ``fold`` counts from 0, and that each ``subject`` is in one fold.

    Raises:
        PluginError: It does not.
    """
    if not is_integer_dtype(table["fold"]):
        raise broken(info, f"'fold' of manifest() is {table['fold'].dtype}", "integers from 0")
    folds = sorted(table["fold"].unique().tolist())
    if len(folds) < 2 or folds != list(range(len(folds))):
        raise broken(info, f"manifest() has the folds {folds[:12]}", "0, 1, ... and at least two")
    homes = table.groupby("subject")["fold"].nunique()
    if (homes > 1).any():
        raise broken(
            info, f"subject {homes.idxmax()} is in {homes.max()} folds", "one fold for each subject"
        )


def need_columns(
    info: TaskInfo, table: pd.DataFrame, columns: tuple[str, ...], origin: str
) -> None:
    """Check that a table is one and has some columns.

    Args:
        info: Declaration of the task.
        table: What a method of the task returned.
        columns: Which it must have.
        origin: The method.

    Raises:
        PluginError: It is none, or lacks one.
    """
    if not isinstance(table, pd.DataFrame):
        raise broken(info, f"{origin} returned {type(table).__name__}", "a pandas DataFrame")
    lacking = [column for column in columns if column not in table]
    if lacking:
        raise broken(info, f"{origin} lacks the columns {lacking}", f"{list(columns)}")


def broken(info: TaskInfo, found: str, expected: str) -> PluginError:
    """Return the error for a task that breaks its contract."""
    return PluginError(
        f"task '{info.name}' breaks its contract: {found}; expected {expected}. "
        "See facebench/task.py."
    )
