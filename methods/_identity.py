"""Learning who is shown, shared by the margin softmax methods."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.method import Terms
from facebench.ranges import Width
from facebench.targets import LabelledImages, TargetForm

from ._labelled import LabelledMethod, LabelledOptions


@dataclass(frozen=True, kw_only=True)
class IdentityOptions(LabelledOptions):
    """Options of the embedding; crops are small, since all three papers align faces and flip."""

    crop_scale: float = 0.9  # project's choice; none has crops
    embedding_dim: Width = 512  # ArcFace, section 3.1, and the released code of all three


class IdentityMethod(LabelledMethod):
    """An embedding of F_s and a weight for each person; a subclass has ``logits``."""

    Options = IdentityOptions
    options: Any

    def expect(self, form: TargetForm) -> None:
        """Make the embedding and a weight of each person."""
        super().expect(form)
        width = self.options.embedding_dim
        # ArcFace, section 3.1: the embedding ends in batch normalisation.
        self.head = nn.Sequential(nn.Linear(self.feature_dim, width), nn.BatchNorm1d(width))
        self.people = nn.Parameter(torch.empty(form.outputs, width))
        nn.init.normal_(self.people, std=0.01)

    @abstractmethod
    def logits(self, embeddings: Tensor, people: Tensor, labels: Tensor) -> Tensor:
        """Return ``[B, K]`` of ``[B, D]`` embeddings, ``[K, D]`` people and ``[B]`` labels."""

    def loss(self, views: LabelledImages, generator: torch.Generator) -> Terms:
        """Return the cross-entropy of the logits with their margin."""
        embeddings = self.head(self.encode(views.images)).float()
        with torch.autocast(embeddings.device.type, enabled=False):  # angles need 32 bits
            logits = self.logits(embeddings, self.people.float(), views.targets)
            return {"L_identity": F.cross_entropy(logits, views.targets)}
