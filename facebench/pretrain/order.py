"""The order of the images of an epoch, determined by (seed, epoch) alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from facebench.data.packed import Faces
from facebench.errors import SpecError


class EpochOrder(Sampler[list[int]]):
    """Batches of one epoch: a uniform permutation that depends on (seed, epoch) alone.

    The last, smaller batch is dropped, since losses over a batch (NT-Xent) change with its size.

    Args:
        groups: [N] identity of each image.
        batch_size: Images of a batch, over all devices.
        seed: Seed of the run.
        sampling: ``frames`` takes every image once; ``identities`` takes one random image of
            every identity, as PCL's released code does.
        rank: Rank of this process in multi-device training.
        world: Number of processes; each gets its share of every batch.
        videos: [N] video of each image, for methods that need pairs: the batch is then followed by
            a partner for each of its images, in the same order, drawn uniformly from the other
            images of the video, or the image itself where it is the only one.

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
        videos: NDArray[np.int64] | None = None,
    ) -> None:
        self.groups, self.batch_size, self.seed, self.sampling = groups, batch_size, seed, sampling
        self.rank, self.world, self.videos = rank, world, videos
        self.count = len(np.unique(groups)) if sampling == "identities" else len(groups)
        self.epoch = 0
        if self.count < batch_size:
            raise SpecError(
                f"pretraining takes {batch_size} images per step and has {self.count:,} "
                f"{sampling}. Give more data, or a smaller pretrain.batch_size."
            )

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.groups))
        if self.sampling == "identities":  # the first image of each one, in that random order
            _, first = np.unique(self.groups[order], return_index=True)
            order = order[np.sort(first)]
        order = order[: len(self) * self.batch_size]
        parts = [order] if self.videos is None else [order, draw_partners(order, self.videos, rng)]
        batches = [part.reshape(len(self), self.batch_size) for part in parts]
        for number in range(len(self)):
            share = [part[number, self.rank :: self.world] for part in batches]
            yield np.concatenate(share).tolist()


def draw_partners(
    images: NDArray[np.int64], videos: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw another image of the same video for each image.

    Args:
        images: [n] positions among all N images.
        videos: [N] code of each image's video, from 0 up without gaps.
        rng: Generator for all random draws.

    Returns:
        [n] positions, uniform over the other images of the video; the image itself where it is the
        only one of its video.
    """
    together = np.argsort(videos, kind="stable")  # the images of a video side by side
    count = np.bincount(videos)
    start = np.cumsum(count) - count
    place = np.empty_like(together)
    place[together] = np.arange(len(videos)) - start[videos[together]]  # within its video
    own = videos[images]
    onward = rng.integers(1, np.maximum(count[own], 2))  # cyclic offset within the video
    partners: NDArray[np.int64] = together[start[own] + (place[images] + onward) % count[own]]
    return partners


class Batches(Dataset[Tensor]):
    """Packed faces, read a whole batch at a time: uint8 ``[B, 3, S, S]``."""

    def __init__(self, faces: Faces) -> None:
        self.faces = faces

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, indices: Sequence[int]) -> Tensor:
        return self.faces.batch(indices)
