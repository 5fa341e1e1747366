"""Columns of predictions that several targets of an item have, by the targets' names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


def target_names(predictions: pd.DataFrame) -> tuple[str, ...]:
    """Return what predictions have a ``label_NAME`` of, in the order of the task."""
    prefix = "label_"
    return tuple(n.removeprefix(prefix) for n in predictions.columns if n.startswith(prefix))


def target_columns(
    predictions: pd.DataFrame, which: str, targets: Sequence[str]
) -> npt.NDArray[Any]:
    """Return the columns ``WHICH_TARGET`` of predictions, ``[N, T]``.

    Raises:
        KeyError: One of them is missing.
    """
    # One by one: to select them by a list takes two to four times as long.
    columns = [predictions[f"{which}_{target}"].to_numpy() for target in targets]
    return np.stack(columns, axis=1)
