"""The order of the images of an epoch, determined by (seed, epoch) alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from facebench.data.packed import Faces
from facebench.errors import SpecError
from facebench.method import MethodInfo
from facebench.targets import LabelledImages, Targets


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
        companions: Further frames of the video of each image, for methods that need them: the batch
            is then followed by these, in the same order.

    Raises:
        SpecError: There are not enough images for one batch, or the devices cannot have as many of
            it each.
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
        companions: Companions | None = None,
    ) -> None:
        self.groups, self.batch_size, self.seed, self.sampling = groups, batch_size, seed, sampling
        self.rank, self.world, self.companions = rank, world, companions
        self.usable = np.ones(len(groups), np.bool_) if companions is None else companions.usable
        taken = groups[self.usable]
        self.count = len(np.unique(taken)) if sampling == "identities" else len(taken)
        self.epoch = 0
        if batch_size % world:
            raise SpecError(
                f"pretraining takes {batch_size} images per step on {world} devices; expected a "
                f"multiple of {world}, since each has as many. Change pretrain.batch_size or "
                "--devices."
            )
        if self.count < batch_size:
            what = sampling if self.usable.all() else f"{sampling} in videos of enough frames"
            raise SpecError(
                f"pretraining takes {batch_size} images per step and has {self.count:,} {what}. "
                "Give more data, or a smaller pretrain.batch_size."
            )

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.groups))
        order = order[self.usable[order]]
        if self.sampling == "identities":  # the first image of each one, in that random order
            _, first = np.unique(self.groups[order], return_index=True)
            order = order[np.sort(first)]
        order = order[: len(self) * self.batch_size]
        parts = [order] if self.companions is None else [order, *self.companions.draw(order, rng)]
        batches = [part.reshape(len(self), self.batch_size) for part in parts]
        for number in range(len(self)):
            share = [part[number, self.rank :: self.world] for part in batches]
            yield np.concatenate(share).tolist()


class Companions(Protocol):
    """What a batch has of the video of each of its images.

    Attributes:
        usable: [N] whether an image can be learned from.
    """

    usable: NDArray[np.bool_]

    def draw(
        self, images: NDArray[np.int64], rng: np.random.Generator
    ) -> Sequence[NDArray[np.int64]]:
        """Return one or more arrays [n] of positions, each with a frame for every image [n]."""
        ...


class Partners:
    """Another frame of the video, drawn uniformly.

    Args:
        videos: [N] video of each image, from 0 up without gaps.
        alone: Whether the only image of a video is learned from, as its own partner.
    """

    def __init__(self, videos: NDArray[np.int64], *, alone: bool) -> None:
        self.videos = videos
        self.usable = (np.bincount(videos)[videos] > 1) | alone

    def draw(
        self, images: NDArray[np.int64], rng: np.random.Generator
    ) -> Sequence[NDArray[np.int64]]:
        """Return the partners [n] of images [n]."""
        return (draw_partners(images, self.videos, rng),)


class Neighbours:
    """The next frames of a track, forwards or backwards in time.

    Args:
        codes: [N] track of each image, from 0 up without gaps.
        places: [N] place of each image in its track, from 0 up without gaps.
        frames: Frames of an item, the image itself included; at least 2.
    """

    def __init__(self, codes: NDArray[np.int64], places: NDArray[np.int64], frames: int) -> None:
        self.frames = frames
        self.after = np.bincount(codes)[codes] - 1 - places  # frames after it in its track
        self.before = places
        self.usable = np.maximum(self.before, self.after) >= frames - 1
        self.in_time = np.lexsort((places, codes))
        self.rank = np.empty_like(self.in_time)
        self.rank[self.in_time] = np.arange(len(codes))

    def draw(
        self, images: NDArray[np.int64], rng: np.random.Generator
    ) -> Sequence[NDArray[np.int64]]:
        """Return for each distance, from 1 up, the frames [n] so far from the images [n].

        Where both directions have enough frames, one is drawn.
        """
        far = self.frames - 1
        forwards = rng.random(len(images)) < 0.5
        forwards = (forwards | (self.before[images] < far)) & (self.after[images] >= far)
        step = np.where(forwards, 1, -1)
        return [self.in_time[self.rank[images] + distance * step] for distance in range(1, far + 1)]


def companions_of(info: MethodInfo, faces: Faces) -> Companions | None:
    """Return the further frames that a method learns from; None for single images."""
    if info.needs == "pairs":
        return Partners(faces.video, alone=bool(info.single_images))
    if info.needs == "frames":
        return Neighbours(*faces.tracks(), info.frames)
    return None


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


class Batches(Dataset[Tensor | LabelledImages]):
    """Packed faces, read a whole batch at a time: uint8 ``[B, 3, S, S]``.

    Args:
        faces: The images.
        targets: The label of each, which then comes with them; None for unlabelled images.
    """

    def __init__(self, faces: Faces, targets: Targets | None = None) -> None:
        self.faces, self.targets = faces, targets

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, indices: Sequence[int]) -> Tensor | LabelledImages:
        images = self.faces.batch(indices)
        if self.targets is None:
            return images
        return LabelledImages(images, torch.from_numpy(self.targets.values[np.asarray(indices)]))
