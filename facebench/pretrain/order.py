"""Which images make which batch: the order of an epoch, from (seed, epoch) alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from facebench.errors import SpecError
from facebench.pretrain.packed import PackedFaces


class EpochOrder(Sampler[list[int]]):
    """Batches of one epoch: a uniform permutation that depends on (seed, epoch) alone.

    The last, smaller batch is dropped, since losses over a batch (NT-Xent) change with its size.

    Args:
        groups: [N] identity of each image.
        batch_size: Images of a batch, over all devices.
        seed: Of the run.
        sampling: ``frames`` takes every image once; ``identities`` takes one random image of
            every identity, as PCL's released code does.
        rank: This process among those that train together.
        world: Number of those processes; each gets its share of every batch.

    Raises:
        SpecError: There are not enough images for one batch.
    """

    def __init__(
        self,
        groups: NDArray[np.int64],
        batch_size: int,
        seed: int,
        sampling: str,
        *,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.groups, self.batch_size, self.seed, self.sampling = groups, batch_size, seed, sampling
        self.rank, self.world = rank, world
        self.count = len(np.unique(groups)) if sampling == "identities" else len(groups)
        self.epoch = 0
        if self.count < batch_size:
            raise SpecError(
                f"pretraining takes {batch_size} images per step and has {self.count:,} "
                f"{sampling}. Give more data, or a smaller pretrain.batch_size."
            )

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; Lightning calls it before each."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.groups))
        if self.sampling == "identities":  # the first image of each one, in that random order
            _, first = np.unique(self.groups[order], return_index=True)
            order = order[np.sort(first)]
        for batch in order[: len(self) * self.batch_size].reshape(len(self), self.batch_size):
            yield batch[self.rank :: self.world].tolist()


class Batches(Dataset[Tensor]):
    """Packed faces, read a whole batch at a time: uint8 ``[B, 3, S, S]``."""

    def __init__(self, faces: PackedFaces) -> None:
        self.faces = faces

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, indices: Sequence[int]) -> Tensor:
        return self.faces.batch(indices)
