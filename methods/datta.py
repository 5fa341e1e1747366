"""Triplets from face tracks, as of Datta, Sharma and Jawahar; the tables call it VGG.

"Unsupervised learning of face representations", FG 2018: faces of one track show one person, and
faces of other tracks others. docs/fidelity.md says what is simplified.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.method import Method, MethodInfo, Terms
from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.pretrain.augment.transforms import Compose, Flip
from facebench.pretrain.devices import gathered
from facebench.pretrain.losses import others_of_pairs
from facebench.ranges import Area, Share, Width, check_values

from ._frame_pairs import resized


@dataclass(frozen=True, kw_only=True)
class DattaOptions:
    """Options of the triplets: project's choice, since no code was released."""

    embedding_dim: Width = 128  # of the embedding whose distances are compared
    crop_scale: Area = 0.8  # smallest area of the crop of each frame
    flip_p: Share = 0.5  # probability that a frame is flipped

    def __post_init__(self) -> None:
        check_values(self)


class Datta(Method):
    """An embedding in which frames of a track are nearer to each other than to other tracks."""

    info = MethodInfo(
        name="datta",
        title="VGG",  # as PCL's Table 2 calls it
        version=1,
        paper="Datta et al., FG 2018",
        year=2018,
        paper_url="https://arxiv.org/abs/1803.01260",
        needs="pairs",
        features=("f_s", "f_a"),
        presets={
            # Two tracks of a batch are never of one person, as two faces of one video frame.
            "paper": {"pretrain.sampling": "identities"},
            # 64 steps on the rendered clips of 256 people.
            "quick": {"pretrain.sampling": "identities", "pretrain.epochs": 32},
        },
        small={"embedding_dim": 16},
    )
    Options = DattaOptions
    options: DattaOptions

    def __init__(self, backbone: Backbone, options: DattaOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        self.embed = nn.Linear(self.feature_dim, options.embedding_dim)
        crop = RandomResizedCrop(image_size, (options.crop_scale, 1.0), (1.0, 1.0))
        self.augment = Compose((crop, Flip(options.flip_p)))

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return F_s, or the embedding ``f_a`` of images at the pretraining size."""
        if name == "f_s":
            return self.encode(images)
        return self.embed(self.encode(resized(images, self.image_size)))  # type: ignore[no-any-return]

    def views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return augmented frames, then their partners, ``[2n, 3, S, S]``."""
        return self.augment(images, generator)

    def loss(self, views: Tensor, generator: torch.Generator) -> Terms:
        """Return the soft-margin triplet loss over all triplets of the batch."""
        frames, partners = self.embed(self.encode(views)).chunk(2)
        z = torch.cat([gathered(frames), gathered(partners)])
        return {"L_triplet": soft_margin_triplets(z)}


def soft_margin_triplets(z: Tensor) -> Tensor:
    """Return the mean of log(1 + exp(d(a, p) - d(a, n))) over all triplets, d Euclidean.

    Args:
        z: ``[2n, D]`` embeddings of n frames, then of their partners; the other 2n - 2 frames are
            the negatives of a frame.

    Returns:
        Scalar; log 2 where all distances are equal.
    """
    with torch.autocast(z.device.type, enabled=False):
        distance = torch.cdist(z.float(), z.float())  # [2n, 2n]
    rows = torch.arange(len(z), device=z.device)
    positive = distance[rows, rows.roll(len(z) // 2)]
    losses: Tensor = F.softplus(positive[:, None] - distance)
    return losses.gather(1, others_of_pairs(len(z) // 2, z.device)).mean()
