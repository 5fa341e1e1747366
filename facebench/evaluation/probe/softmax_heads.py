"""A few softmax heads on features in memory, trained an epoch at a time by compiled code."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from facebench.evaluation.probe.buffers import LINE
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.grid import Head, initialise
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.softmax_kernel import ROWS, train_epoch

_MOST_THREADS = 8  # a thread more is a gradient more to be summed at every step


def softmax_heads(
    heads: Sequence[Head],
    features: FeatureMatrix,
    labels: torch.Tensor,
    classes: int,
    batch_size: int,
) -> SoftmaxHeads | None:
    """Heads to be trained by compiled code, where the machine and the features allow it.

    Args:
        heads: H of them.
        features: ``[N, D]``.
        labels: ``[N]`` int64, 0 to C - 1.
        classes: C.
        batch_size: Rows in a step.

    Returns:
        None if the features do not fit in memory as float32, or numba has only its own threads,
        which are slower to wake than a step takes: for others it needs the system's OpenMP or TBB.
    """
    threads = torch.get_num_threads()
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    # numba's threads start here, and its OpenMP layer sets the number of threads of the whole
    # process to all cores: a later pretraining would no longer keep to its share of them.
    torch.set_num_threads(threads)
    if numba.threading_layer() == "workqueue":
        return None
    found = features.in_memory()
    return None if found is None else SoftmaxHeads(heads, *found, labels, classes, batch_size)


class SoftmaxHeads:
    """Heads with Adam's state, as ``HeadGrid`` without batch normalisation.

    Args:
        heads: H of them.
        rows: ``[M, D]``, features in memory.
        places: ``[N]`` int64, where among these the rows to learn from lie.
        labels: ``[N]`` int64, of the rows to learn from, 0 to C - 1.
        classes: C.
        batch_size: Rows in a step.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        rows: npt.NDArray[np.float32],
        places: torch.Tensor,
        labels: torch.Tensor,
        classes: int,
        batch_size: int,
    ) -> None:
        self._rows, self._places, self._labels = rows, places, labels
        self._batch_size, self._steps = batch_size, 0
        self._shape = len(heads), classes, rows.shape[1]
        weights, bias = torch.empty(self._shape), torch.empty(self._shape[:2])
        initialise(heads, weights, bias)
        # The bias is one more column: whatever moves a weight moves it.
        outputs = torch.cat([weights, bias.unsqueeze(2)], dim=2).flatten(0, 1)
        # Outputs begin at cache lines, as torch's tensors do, and are even in number.
        odd, short = len(outputs) % 2, -outputs.shape[1] % (LINE // 4)
        self._parameters = nn.functional.pad(outputs, (0, short, 0, odd))
        self._moments = torch.zeros(2, *self._parameters.shape)
        rates = np.repeat([head.lr for head in heads], classes)
        decays = np.repeat([head.weight_decay for head in heads], classes).astype(np.float32)
        self._rates, self._decays = np.pad(rates, (0, odd)), np.pad(decays, (0, odd))
        threads = min(torch.get_num_threads(), _MOST_THREADS)
        self._scores = torch.empty(threads, ROWS, len(self._parameters))
        self._gradients = torch.empty(threads, *self._parameters.shape)

    def epoch(self, batches: Sequence[torch.Tensor], annealing: float) -> None:
        """Train on every batch once.

        Args:
            batches: Positions of the rows, int64; all batches but the last are full.
            annealing: Factor on every learning rate.
        """
        order = torch.cat(list(batches))
        first, second = self._moments.numpy()
        train_epoch(
            self._rows, self._places[order].numpy(), self._labels[order].numpy(),
            self._batch_size, self._shape[1], self._parameters.numpy(), first, second,
            self._steps, self._rates * annealing, self._decays, self._scores.numpy(),
            self._gradients.numpy(),
        )  # fmt: skip
        self._steps += len(batches)

    def heads(self) -> Heads:
        """A copy of the heads as they stand."""
        heads, classes, width = self._shape
        parameters = self._parameters[: heads * classes].view(heads, classes, -1)
        weights, bias = parameters[..., :width], parameters[..., width]
        return Heads(
            *(part.clone(memory_format=torch.contiguous_format) for part in (weights, bias))
        )
