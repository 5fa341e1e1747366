"""Which images of a dataset a limit keeps: few, of every class and fold, always the same ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from facebench.errors import DataError

_SEED = 2023


class Kept(NamedTuple):
    """What a limit keeps of a dataset.

    Args:
        rows: Whether each row of its table is kept, ``[N]`` bool, with the table's index.
        pairs: Pairs that are kept, index 0 to P-1; None if the dataset has none.
        warning: A few words that say so, for the results.
    """

    rows: pd.Series
    pairs: pd.DataFrame | None
    warning: str


def keep_some(table: pd.DataFrame, pairs: pd.DataFrame | None, n: int) -> Kept | None:
    """Choose a small, deterministic subset.

    Args:
        table: One row per image, index 0 to N-1.
        pairs: Pairs of a verification task, index 0 to P-1, else None.
        n: As for :meth:`facebench.data.dataset.Dataset.limit`.

    Returns:
        What is kept; None if nothing is left out.

    Raises:
        DataError: ``n`` is not positive.
    """
    if n < 1:
        raise DataError(f"limit: found {n}; expected at least 1.")
    if pairs is None:
        rows = _some_rows(table, n)
        return None if rows.all() else Kept(rows, None, f"limited to {n} images per split")
    some = pairs[_some_pairs(pairs, n)].reset_index(drop=True)
    rows = table["path"].isin(pd.concat([some["first"], some["second"]]))
    return Kept(rows, some, f"limited to {n} pairs") if len(some) < len(pairs) else None


def _some_rows(table: pd.DataFrame, n: int) -> pd.Series:
    """Mark ``n`` rows per split, in proportion to classes or folds, first one row of each."""
    order = np.random.default_rng(_SEED).permutation(len(table))
    kind = next((name for name in ("label", "fold") if name in table), "split")
    shuffled = table[["split"]].assign(kind=table[kind]).iloc[order]
    groups = shuffled.groupby(["split", "kind"])
    place = groups.cumcount() / groups["kind"].transform("size")
    rank = place.groupby(shuffled["split"]).rank(method="first")
    return (rank <= n).sort_index()


def _some_pairs(pairs: pd.DataFrame, n: int) -> pd.Series:
    """Mark the first pairs of a seeded order, as many of each kind in each fold."""
    each = max(1, n // pairs["fold"].nunique() // 2)
    order = np.random.default_rng(_SEED).permutation(len(pairs))
    rank = pairs.iloc[order].groupby(["fold", "same"]).cumcount()
    return (rank < each).sort_index()
