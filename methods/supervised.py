"""Supervised learning: the shared backbone, trained end to end on the labels of a task.

The ceiling beside the untrained backbone: what backbone, budget and linear probe reach where labels
are learned from. Its features are evaluated as all others are. A linear head on F_s; cross-entropy
for classes and persons (with smoothed labels: Szegedy et al., "Rethinking the Inception
architecture for computer vision", CVPR 2016, section 7), binary cross-entropy for labels, L1 of
standardised numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.method import MethodInfo, Terms
from facebench.pretrain.devices import gathered
from facebench.targets import LabelledImages, TargetForm

from ._labelled import LabelledMethod, LabelledOptions


@dataclass(frozen=True, kw_only=True)
class SupervisedOptions(LabelledOptions):
    """Options of supervised learning."""

    class_weights: Literal["none", "balanced"] = "none"  # balanced: n / (C n_c), as scikit-learn
    # share of a uniform distribution; Szegedy et al.: 0.1
    label_smoothing: Annotated[float, Interval(ge=0, lt=1)] = 0.0


class Supervised(LabelledMethod):
    """A backbone and a linear head, learned from labels."""

    info = MethodInfo(
        name="supervised",
        title="Supervised",
        version=1,
        paper="the shared backbone, trained on labels",
        year=2026,
        needs="labels",
    )
    Options = SupervisedOptions
    options: SupervisedOptions

    def expect(self, form: TargetForm) -> None:
        """Make a head with an output for each class, person, label or number."""
        super().expect(form)
        self.head = nn.Linear(self.feature_dim, form.outputs)
        weights = balanced_weights(form) if self.options.class_weights == "balanced" else None
        ones = torch.ones(form.outputs)
        self.register_buffer("weights", ones if weights is None else weights, persistent=False)
        numbers = form.kind == "numbers"
        means, spread = (form.means, form.deviations) if numbers else (0 * ones, ones)
        self.register_buffer("means", torch.as_tensor(means), persistent=False)
        self.register_buffer("deviations", torch.as_tensor(spread), persistent=False)
        self.weights: Tensor
        self.means: Tensor
        self.deviations: Tensor

    def outputs(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the head's outputs ``[B, K]`` of images that are learned from."""
        return self.head(self.encode(images))  # type: ignore[no-any-return]

    def loss(self, views: LabelledImages, generator: torch.Generator) -> Terms:
        """Return the loss of the labels' kind, a mean over images (and over labels or numbers)."""
        outputs = self.outputs(views.images, generator).float()
        smoothing = self.options.label_smoothing
        if self.form.kind == "labels":
            targets = views.targets * (1 - smoothing) + smoothing / 2
            return {"L_labels": balanced_binary(outputs, targets, self.weights)}
        if self.form.kind == "numbers":
            wanted = (views.targets - self.means) / self.deviations
            return {"L_numbers": F.l1_loss(outputs, wanted)}
        if self.options.class_weights == "none":
            loss = F.cross_entropy(outputs, views.targets, label_smoothing=smoothing)
            return {"L_classes": loss}
        targets = gathered(views.targets)  # the mean is weighted by the classes of the whole batch
        loss = F.cross_entropy(gathered(outputs), targets, self.weights, label_smoothing=smoothing)
        return {"L_classes": loss}


def balanced_weights(form: TargetForm) -> Tensor:
    """Return the weight of each class or person, or of the images that show each label, ``[K]``.

    Classes: n / (K n_c), of which the mean over images is 1 (King and Zeng, "Logistic regression in
    rare events data", 2001; scikit-learn's ``balanced``). Labels: images without, per image with.
    A class or label without an image counts as if it had one. Numbers have no weights: 1.
    """
    if form.kind == "numbers":
        return torch.ones(form.outputs)
    counts = torch.tensor(form.counts, dtype=torch.float64).clamp(min=1)
    if form.kind == "labels":
        return ((form.images - counts).clamp(min=1) / counts).float()
    return (form.images / (form.outputs * counts)).float()


def balanced_binary(outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of ``[B, T]`` logits; ``[T]`` weighs shown labels."""
    return F.binary_cross_entropy_with_logits(outputs, targets, pos_weight=weights)
