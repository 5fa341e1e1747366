"""Decisions on single test items, as stored predictions have them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.protocol import ScoreKind


def decided(frame: pd.DataFrame) -> bool:
    """Return whether predictions hold one decision of each kind; few labels have one per draw."""
    return {"honest", "paper"} <= set(frame.columns)


def right(frame: pd.DataFrame, kind: ScoreKind) -> npt.NDArray[np.bool_]:
    """Return ``[N]`` whether each decision on a class, or on a pair, is right."""
    true = frame["same" if "same" in frame else "label"].to_numpy()
    decided: npt.NDArray[np.bool_] = frame[kind].to_numpy() == true
    return decided
