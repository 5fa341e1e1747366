"""Splits rows into those for fitting, for hyper-parameter selection and for the test.

Hyper-parameters (learning rate, weight decay, decision thresholds) are chosen on a held-out part of
the training rows. If the table names subjects, whole subjects are held out, because other frames of
a person, or rotated copies of a photograph, would bias the choice. No row or label of the test side
is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facebench.data.dataset import Dataset
from facebench.errors import DataError

Rows = NDArray[np.int64]
_DRAWS = 200  # draws of subjects, of which the most balanced is used


@dataclass(frozen=True)
class HoldOut:
    """Training rows in two parts.

    Args:
        fit: Rows to fit on during the selection.
        held: Held-out rows, on which hyper-parameters are chosen.
        origin: Description of the held-out part.
    """

    fit: Rows
    held: Rows
    origin: str


def split_rows(dataset: Dataset, readable: NDArray[np.bool_]) -> dict[str, Rows]:
    """Return the readable rows of ``train``, ``val`` (perhaps none) and ``test``.

    Args:
        dataset: Its table is read.
        readable: ``[N]`` which rows have features.

    Raises:
        DataError: ``train`` or ``test`` has none.
    """
    split = dataset.table["split"].to_numpy()
    rows = {name: np.flatnonzero((split == name) & readable) for name in ("train", "val", "test")}
    for name in ("train", "test"):
        if not len(rows[name]):
            raise DataError(
                f"{dataset.task.info.title}: no readable image in the {name} split; expected some. "
                "Check the dataset, or give a larger --limit."
            )
    return rows


def fold_rows(dataset: Dataset, readable: NDArray[np.bool_]) -> Iterator[tuple[Rows, Rows]]:
    """Yield, for each fold, the readable rows of all other folds, and those of the fold.

    Args:
        dataset: Its table is read.
        readable: ``[N]`` which rows have features.

    Raises:
        DataError: One of both has none.
    """
    fold = dataset.table["fold"].to_numpy()
    for number in np.unique(fold):
        sides = [np.flatnonzero(mask & readable) for mask in (fold != number, fold == number)]
        if not all(map(len, sides)):
            raise DataError(
                f"{dataset.task.info.title}: found {len(sides[0])} readable images to train on "
                f"and {len(sides[1])} to test in fold {number}; expected some of both. Check the "
                "dataset, or give a larger --limit."
            )
        yield sides[0], sides[1]


def hold_out(
    table: pd.DataFrame,
    rows: Mapping[str, Rows],
    share: float,
    seed: int,
    *,
    kinds: NDArray[np.int64] | None = None,
) -> HoldOut:
    """Split the training rows of a task that has a training split.

    The task's own ``val`` split is held out if there is one, else a share of ``train``: of its
    subjects if the table has them, else of its rows.

    Args:
        table: Table of the task.
        rows: Rows of the splits, see ``split_rows``.
        share: Fraction to hold out, 0..1.
        seed: Seed of the draw.
        kinds: ``[N]`` class of every row of the table, 0-based; both parts get each in proportion.

    Raises:
        DataError: There are too few rows, or too few of a class.
    """
    from sklearn.model_selection import train_test_split

    train = rows["train"]
    if len(rows["val"]):
        return HoldOut(train, rows["val"], "val split")
    of_train = np.zeros(len(train), np.int64) if kinds is None else kinds[train]
    if "subject" in table:
        indicators = np.eye(1 + of_train.max())[of_train]
        subjects = table["subject"].to_numpy()[train]
        fit, held = hold_out_subjects(subjects, indicators, share, seed)
        origin = f"{len(np.unique(subjects[held]))} of {len(np.unique(subjects))} training subjects"
        return HoldOut(train[fit], train[held], origin)
    try:
        fit, held = train_test_split(train, test_size=share, stratify=of_train, random_state=seed)
    except ValueError as error:
        every = "" if kinds is None else " with every class on both sides"
        raise DataError(
            f"cannot hold out {share:.0%} of {len(train)} training items{every} ({error}). Give "
            "more items, or a larger probe.holdout."
        ) from error
    return HoldOut(fit, held, f"{share:.0%} of train")


def hold_out_subjects(
    subjects: NDArray[np.object_],
    indicators: NDArray[np.float64],
    share: float,
    seed: int,
    *,
    least: int = 1,
) -> tuple[Rows, Rows]:
    """Split rows by subject, with about the same proportion of each kind on both sides.

    Of many seeded draws of subjects, the one is taken in which the numbers of rows of each kind
    come nearest to their share, by the sum of squared log ratios.

    Args:
        subjects: ``[n]``, subject of each row.
        indicators: ``[n, K]``, 1 where a row is of a kind (has a class, shows an action unit).
        share: Fraction of subjects to hold out, 0..1; rounded up to whole subjects.
        seed: Seed of the draws.
        least: Minimum number of subjects to hold out, unless that is more than half of them.

    Returns:
        Positions 0..n - 1, ascending: to fit on, and held out.

    Raises:
        DataError: There are fewer than two subjects.
    """
    from sklearn.model_selection import ShuffleSplit

    names, number = np.unique(subjects, return_inverse=True)
    if len(names) < 2:
        raise DataError(
            f"cannot hold out a training subject: found {len(names)}; expected at least two. Give "
            "more items."
        )
    count = max(math.ceil(round(share * len(names), 9)), min(least, len(names) // 2))
    count = min(count, len(names) - 1)
    kinds = np.column_stack([np.ones(len(number)), indicators])  # the rows themselves count, too
    totals = np.zeros((len(names), kinds.shape[1]))
    np.add.at(totals, number, kinds)
    expected = totals.sum(0) * count / len(names)
    rest = totals.sum(0) - expected
    best, least_cost = np.empty(0, np.int64), math.inf
    draws = ShuffleSplit(n_splits=_DRAWS, test_size=count, random_state=seed)
    for fit, held in draws.split(names):
        parts = np.log((totals[held].sum(0) + 0.5) / (expected + 0.5))
        others = np.log((totals[fit].sum(0) + 0.5) / (rest + 0.5))
        cost = float((parts**2).sum() + (others**2).sum())
        if cost < least_cost:
            best, least_cost = held, cost
    is_held = np.isin(number, best)
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def refuse_shared_subjects(sides: Mapping[str, NDArray[np.object_]]) -> None:
    """Refuse a subject that is on two sides.

    Args:
        sides: Subjects of the rows of each side, by its name.

    Raises:
        DataError: A subject is on two sides, which is a leak.
    """
    seen: dict[object, str] = {}
    for side, subjects in sides.items():
        for subject in np.unique(subjects):
            if subject in seen:
                raise DataError(
                    f"subject {subject} leaks: found in {seen[subject]} and in {side}; expected "
                    "no subject on two sides. Check the folds and the hold-out."
                )
            seen[subject] = side
