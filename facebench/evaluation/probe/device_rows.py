"""Rows of features on a GPU: kept there if they fit, else brought there batch by batch.

Either way the host waits for nothing: a batch costs one copy from pinned memory, of the numbers of
its rows where these are there, else of the rows themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch

from facebench.runtime.transfer import to_device

if TYPE_CHECKING:  # which has this as a source
    from facebench.evaluation.probe.feature_matrix import FeatureMatrix

SHARE = 0.5
"""Share of the free memory of a GPU that features may take; heads and batches need the rest."""

_BLOCK = 4096  # rows of a copy that brings all of them

CPU = torch.device("cpu")


def probing_device(device: torch.device | None) -> torch.device:
    """Return where probes compute that are to compute on a device: there if it is CUDA, else a CPU.

    Other devices have no numbers of 64 bits, which folding a batch normalisation takes.
    """
    return device if device is not None and device.type == "cuda" else CPU


def space_for_features(device: torch.device) -> int:
    """Return how many bytes features may take on a GPU."""
    free, _ = torch.cuda.mem_get_info(device)
    return int(SHARE * free)


class DeviceRows:
    """The rows of a matrix, on a GPU.

    Args:
        host: The rows on the host ``[N, D]``.
        dtype: Type of the rows that are kept there: float16, or float32.
        device: The GPU.
        kept: Whether all rows are copied there now, and the host's are not needed any more.

    Attributes:
        device: The GPU.
    """

    def __init__(
        self, host: FeatureMatrix, dtype: torch.dtype, device: torch.device, *, kept: bool
    ) -> None:
        self.shape, self.device = (len(host), host.width), device
        self._host: FeatureMatrix | None = host
        self._there: torch.Tensor | None = None
        if kept:
            self._there, self._host = torch.empty(self.shape, dtype=dtype, device=device), None
            for cut, rows in host.blocks(_BLOCK):
                (block,) = to_device([rows.to(dtype)], device)
                self._there[cut] = block

    def batches(
        self,
        indexes: Iterable[torch.Tensor],
        rows: Iterable[torch.Tensor],
        buffer: torch.Tensor,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield positions and rows on the GPU, float32 ``[B, D]`` of its own memory.

        Args:
            indexes: ``[B]`` int64 each, on the host; yielded as they are.
            rows: ``[B]`` int64 each, on the host: the rows at these positions.
            buffer: float32 ``[B, D]`` of the largest batch, on the host; overwritten unless rows
                are kept on the GPU.
        """
        if self._there is not None:
            for pair in zip(indexes, rows, strict=True):
                index, places = to_device(list(pair), self.device)
                yield index, self._there.index_select(0, places).float()
        elif self._host is not None:
            for index, (_, found) in zip(indexes, self._host.batches(rows, buffer), strict=True):
                index_there, rows_there = to_device([index, found], self.device)
                yield index_there, rows_there
