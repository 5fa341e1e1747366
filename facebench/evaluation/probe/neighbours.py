"""Nearest rows by cosine similarity, and votes of their classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize

from facebench.evaluation.probe.feature_matrix import FeatureMatrix

_BLOCK = 2048  # rows compared at a time: at most 16 MB of similarities

Ints = npt.NDArray[np.int64]


def nearest(
    queries: FeatureMatrix,
    rows: FeatureMatrix,
    count: int,
    on_block: Callable[[int], None] = lambda _: None,
) -> tuple[Tensor, Tensor]:
    """Return the rows that are most similar to each query, the nearest first.

    A row of zeros has a similarity of 0 to everything.

    Args:
        queries: ``[Q, D]``.
        rows: ``[N, D]``, on the same device.
        count: k, at most N.
        on_block: Called with the number of rows that all queries were compared with.

    Returns:
        Similarities ``[Q, k]`` float32 in [-1, 1], and places among ``rows`` ``[Q, k]`` int64,
        both on the CPU.
    """
    best = torch.full((len(queries), count), -torch.inf, device=rows.device)
    places = torch.zeros(len(queries), count, dtype=torch.int64, device=rows.device)
    for of_rows, values in rows.blocks(_BLOCK):
        others = normalize(values, dim=1).T
        for of_queries, asked in queries.blocks(_BLOCK):
            found = normalize(asked, dim=1) @ others
            here = torch.arange(of_rows.start, of_rows.stop, device=rows.device)
            together = torch.cat([best[of_queries], found], dim=1)
            known = torch.cat([places[of_queries], here.expand(len(found), -1)], dim=1)
            best[of_queries], chosen = together.topk(count, dim=1)
            places[of_queries] = known.gather(1, chosen)
        on_block(of_rows.stop)
    return best.cpu(), places.cpu()


def votes(
    similarities: Tensor, labels: Tensor, temperature: float, ks: Sequence[int], classes: int
) -> list[Ints]:
    """Return the class with the most votes of the ``k`` nearest rows, for each of some k.

    A row at cosine similarity s votes with ``exp(s / T)`` for its class (Wu et al., CVPR 2018;
    DINO), or with 1. Of classes with equal votes the first one wins.

    Args:
        similarities: ``[Q, k]``, the largest first.
        labels: ``[Q, k]`` class of each of these rows, 0-based.
        temperature: T; 0: every vote is 1.
        ks: Numbers of rows that vote, each at most k.
        classes: C.

    Returns:
        ``[Q]`` for each of ``ks``.
    """
    # Less the largest, which scales all votes of a query alike: no overflow at a small T.
    nearer = similarities.double() - similarities[:, :1].double()
    each = torch.ones_like(nearer) if temperature == 0 else (nearer / temperature).exp()
    found = []
    for k in ks:
        counted = torch.zeros(len(each), classes, dtype=torch.float64)
        counted.scatter_add_(1, labels[:, :k], each[:, :k])
        found.append(counted.argmax(dim=1).numpy())
    return found
