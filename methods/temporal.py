"""Ranking frames by their distance in time from an anchor; the tables call it BMVC'20.

Lu, Tavabi and Soleymani, "Self-supervised learning for facial action unit recognition through
temporal consistency", BMVC 2020. docs/fidelity.md says what is simplified.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.method import Method, MethodInfo, Terms
from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.pretrain.augment.transforms import Compose, Flip
from facebench.ranges import Area, Width, check_values

from ._frame_pairs import resized


@dataclass(frozen=True, kw_only=True)
class TemporalOptions:
    """Options of the ranking: project's choice; docs/fidelity.md has those of the released code."""

    embedding_dim: Width = 128  # of the embedding whose distances are ranked
    margin: Annotated[float, Interval(gt=0, le=2)] = (
        0.2  # of distances between embeddings of length 1
    )
    crop_scale: Area = 0.8  # smallest area of the crop of a track

    def __post_init__(self) -> None:
        check_values(self)


class Temporal(Method):
    """An embedding in which the next frame is nearer than the one after it, and so on."""

    info = MethodInfo(
        name="temporal",
        title="BMVC'20",  # as PCL's Table 1 calls it
        version=1,
        paper="Lu et al., BMVC 2020",
        year=2020,
        paper_url="https://www.bmvc2020-conference.com/assets/papers/0861.pdf",
        code_url="https://github.com/ihp-lab/temporal-consistency",
        needs="frames",
        frames=4,  # an anchor and three more: two triplets; as many as a rendered clip has
        features=("f_s", "f_a"),
        # 64 steps; each has four frames of 32 tracks.
        presets={"quick": {"pretrain.batch_size": 32, "pretrain.epochs": 2}},
        small={"embedding_dim": 16},
    )
    Options = TemporalOptions
    options: TemporalOptions

    def __init__(self, backbone: Backbone, options: TemporalOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        self.embed = nn.Linear(self.feature_dim, options.embedding_dim)
        crop = RandomResizedCrop(image_size, (options.crop_scale, 1.0), (1.0, 1.0))
        self.augment = Compose((crop, Flip(0.5)))

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return F_s, or the embedding ``f_a`` of images at the pretraining size."""
        if name == "f_s":
            return self.encode(images)
        return self.embed(self.encode(resized(images, self.image_size)))  # type: ignore[no-any-return]

    def views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return ``[k*n, 3, S, S]``: one crop and flip for all k frames of a track.

        A crop of each frame by itself would move the face more than a frame of time does.
        """
        if images.device.type != "cpu":  # draws cannot be made twice ahead: channels side by side
            frames = images.unflatten(0, (self.info.frames, -1)).movedim(0, 1).flatten(1, 2)
            moved: Tensor = self.augment(frames, generator).unflatten(1, (-1, 3)).movedim(1, 0)
            return moved.flatten(0, 1)
        state, parts = generator.get_state(), []
        for frames in images.chunk(self.info.frames):
            generator.set_state(state)
            parts.append(self.augment(frames, generator))
        return torch.cat(parts)

    def loss(self, views: Tensor, generator: torch.Generator) -> Terms:
        """Return the aggregate ranking loss: the sum of the triplet losses of adjacent frames."""
        z = self.embed(self.encode(views)).unflatten(0, (self.info.frames, -1))  # [k, n, D]
        return {"L_rank": ranking_loss(z, self.options.margin)}


def ranking_loss(z: Tensor, margin: float) -> Tensor:
    """Return the mean over tracks of the sum over i of max(0, d(0, i) - d(0, i+1) + margin).

    Args:
        z: ``[k, n, D]`` embeddings of n anchors, then of the frames at distance 1 to k-1.
        margin: By how much a frame is to be nearer than the next; d is Euclidean, of unit vectors.
    """
    unit = F.normalize(z.float(), dim=2)
    distance = (unit[1:] - unit[:1]).square().sum(dim=2).clamp_min(1e-12).sqrt()  # [k-1, n]
    return F.relu(distance[:-1] - distance[1:] + margin).sum(dim=0).mean()
