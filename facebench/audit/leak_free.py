"""Scores without the test items that leak, from the same predictions and by the same code."""

from __future__ import annotations

from typing import Any

import numpy as np

from facebench.audit.leaks import Leaks
from facebench.errors import DataError
from facebench.evaluation.judgement import Judgement


def leak_free_scores(judgement: Judgement, leaks: Leaks) -> dict[str, Any]:
    """Score again without the leaked test items (``--dedup-test``).

    Nothing is trained or chosen again: rates, thresholds and the best epoch stay as they were.

    Args:
        judgement: Judgement on all test items.
        leaks: Leaks of its dataset.

    Returns:
        ``{"without_leaks": {"exact": {...}, "exact and near": {...}}}``, each with ``removed``
        items, their rows among the predictions, and ``honest`` and ``paper`` as in
        ``judgement.scores``.

    Raises:
        DataError: Too little is left to be scored.
    """
    levels = {}
    for name, near in (("exact", False), ("exact and near", True)):
        leaked = leaks.leaked(judgement.predictions, near=near)
        if leaked.all():
            raise DataError(
                f"--dedup-test: all {len(leaked):,} test items leak; expected some that do not. "
                "Look at them with facebench data check."
            )
        levels[name] = {
            "removed": int(leaked.sum()),
            "removed_rows": np.flatnonzero(leaked).tolist(),
            **judgement.rescore(~leaked),
        }
    return {"without_leaks": levels}
