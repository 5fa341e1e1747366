"""Nearest neighbours of some test images among the others, by the cosine of stored features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebench.errors import DataError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Neighbours:
    """Queries and what is nearest to each.

    Args:
        queries: ``[Q]`` places of the queries.
        nearest: ``[Q, K]`` places of their neighbours, the nearest first.
        similarity: ``[Q, K]`` cosine of each, -1 to 1.
    """

    queries: Ints
    nearest: Ints
    similarity: Floats


def nearest_neighbours(values: Floats, *, count: int, beside: int, seed: int) -> Neighbours:
    """Return the nearest neighbours of some rows among all others; equals in their order.

    Args:
        values: ``[N, D]`` features.
        count: Number of queries, at most N.
        beside: Number of neighbours of each, at most N - 1.
        seed: Seed of the choice of queries.

    Raises:
        DataError: There are fewer than two rows.
    """
    if len(values) < 2:
        raise DataError(
            f"figure neighbours: found {len(values)} test images; expected two or more."
        )
    rng = np.random.default_rng(seed)
    queries = np.sort(rng.choice(len(values), min(count, len(values)), replace=False))
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    unit = values / np.where(norms > 0, norms, 1)
    similarity: Floats = (unit[queries] @ unit.T).astype(np.float32, copy=False)
    similarity[np.arange(len(queries)), queries] = -np.inf
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, : min(beside, len(values) - 1)]
    return Neighbours(queries, nearest, np.take_along_axis(similarity, nearest, axis=1))
