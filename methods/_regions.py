"""Regions of faces that are found without labels, and the losses on them; used by FRA."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.pretrain.devices import batch_mean

LAYERS, HEADS = 2, 8  # of the transformer decoder; FRA, released code
SINKHORN_ITERATIONS = 3  # FRA, released code


class Regions(NamedTuple):
    """What a network says of ``B`` images.

    Attributes:
        whole: Embedding of the whole image, ``[B, D]``.
        parts: Embedding of each of N regions, ``[B, N, D]``.
        cosines: Cosine of each place of the feature map and each region, ``[B, h * w, N]``.
    """

    whole: Tensor
    parts: Tensor
    cosines: Tensor


class MaskEmbeddings(nn.Module):
    """Learned queries that look up a feature map: a transformer decoder, then three layers.

    Args:
        channels: C of the feature map.
        dim: Length of an embedding, a multiple of 8.
        regions: Number of queries N.
    """

    def __init__(self, channels: int, dim: int, regions: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, dim, 1)
        self.queries = nn.Embedding(regions, dim)
        # No dropout (released: 0.1), since it draws from the global random state.
        layer = nn.TransformerDecoderLayer(dim, HEADS, dim, dropout=0.0, batch_first=True)
        self.decoder = nn.TransformerDecoder(layer, LAYERS, nn.LayerNorm(dim))
        self.mlp = nn.Sequential(
            nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return ``[B, N, D]`` of feature maps ``[B, C, h, w]``."""
        from timm.layers.pos_embed_sincos import build_sincos2d_pos_embed

        height, width = features.shape[2:]
        x = self.project(features).flatten(2).transpose(1, 2)  # [B, h * w, D]
        places = build_sincos2d_pos_embed([height, width], x.shape[2], device=x.device)
        queries = self.queries.weight.expand(len(x), -1, -1)
        found: Tensor = self.mlp(self.decoder(queries, x + places))
        return found


def regions_of(images: Tensor, backbone: Any, heads: Any) -> Regions:
    """Return the embeddings of faces ``[B, 3, S, S]`` and of their regions."""
    features = backbone(images)  # [B, C, h, w]
    places = over_last(heads["place"], features.flatten(2).transpose(1, 2)).float()
    masks = batch_mean(heads["masks"](features).float())  # [N, D], of the whole batch: released
    cosines = F.normalize(places, dim=2) @ F.normalize(masks, dim=1).T
    parts = over_last(heads["part"], region_means(features, cosines))
    return Regions(heads["whole"](features.mean(dim=(2, 3))), parts, cosines)


def over_last(head: Any, rows: Tensor) -> Tensor:
    """Return a head of ``[B, K, C]``, applied to all ``B * K`` rows together, ``[B, K, D]``."""
    out: Tensor = head(rows.flatten(0, 1)).unflatten(0, rows.shape[:2])
    return out


def region_means(features: Tensor, cosines: Tensor) -> Tensor:
    """Return the mean of each region's features, weighted by its heatmap, ``[B, N, C]``.

    Args:
        features: Feature map, ``[B, C, h, w]``.
        cosines: ``[B, h * w, N]``; a heatmap is their softmax over regions.
    """
    heat = cosines.softmax(dim=2) + 1e-7
    weights = heat / heat.sum(dim=1, keepdim=True)
    return weights.transpose(1, 2) @ features.flatten(2).transpose(1, 2).to(weights.dtype)


def distance(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared distance of unit vectors ``[..., D]``, 0 to 4."""
    return 2 - 2 * F.cosine_similarity(predicted.float(), target.float(), dim=-1).mean()


def overlap(predicted: Tensor, target: Tensor) -> Tensor:
    """Return how alike different regions of an image are: squared cosines of ``[B, N, D]``.

    The mean over images and regions of the sum over the other regions, divided by N.
    """
    first, second = F.normalize(predicted.float(), dim=2), F.normalize(target.float(), dim=2)
    cosines = first @ second.transpose(1, 2)  # [B, N, N]
    others = 1 - torch.eye(cosines.shape[1], device=cosines.device)
    return (cosines * others).square().mean(dim=2).mean()


def relation(student: Tensor, teacher: Tensor, temperatures: tuple[float, float]) -> Tensor:
    """Return the cross-entropy of the regions that student and teacher assign places to.

    The teacher's assignments use all regions alike (Sinkhorn); so should the student's, on
    average: how far the entropy of their mean is below the largest one is added.

    Args:
        student: Cosines of places and regions, ``[B, P, N]``.
        teacher: The same of the teacher, without gradient.
        temperatures: Temperature of the student, and that of the teacher.
    """
    from lightly.loss.swav_loss import sinkhorn

    of_student, of_teacher = temperatures
    logs = F.log_softmax(student.float().flatten(0, 1) / of_student, dim=1)  # [B * P, N]
    scores = F.log_softmax(teacher.float().flatten(0, 1) / of_teacher, dim=1)
    assigned = sinkhorn(
        scores, iterations=SINKHORN_ITERATIONS, epsilon=1.0, gather_distributed=True
    )
    used = batch_mean(logs.exp())
    entropy = -(used * used.log()).sum()
    loss: Tensor = -(assigned * logs).sum(dim=1).mean() + math.log(len(used)) - entropy
    return loss
