"""Supervised learning: losses against naive float64 versions, mirrored labels, learning."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from facebench.pretrain.collapse import feature_std
from facebench.targets import LabelledImages, TargetForm, TargetKind, Targets
from facebench.testing.networks import TwoLayers
from facebench.testing.random_labels import random_targets
from facebench_methods._labelled import mirrored
from facebench_methods.supervised import Supervised, SupervisedOptions, balanced_weights

COUNT = 12


def build(kind: TargetKind, **options: Any) -> tuple[Supervised, LabelledImages, Targets]:
    targets = random_targets(kind, COUNT)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        method = Supervised(TwoLayers(), SupervisedOptions(**options), 32)
        method.expect(targets.form)
    images = torch.rand(COUNT, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return method, LabelledImages(images, torch.from_numpy(targets.values)), targets


def outputs_of(method: Supervised, batch: LabelledImages) -> list[list[float]]:
    with torch.no_grad():
        rows: list[list[float]] = method.head(method.encode(batch.images)).double().tolist()
    return rows


def loss_of(method: Supervised, batch: LabelledImages) -> float:
    (term,) = method.loss(batch, torch.Generator()).values()
    return term.item()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_classes_are_the_weighted_smoothed_cross_entropy(weights: Any, smoothing: float) -> None:
    method, batch, _ = build("classes", class_weights=weights, label_smoothing=smoothing)
    labels = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2]  # not balanced
    targets = Targets("classes", ("a", "b", "c"), np.array(labels, np.int64))
    method.expect(targets.form)
    batch = LabelledImages(batch.images, torch.tensor(labels))
    weight = [1.0] * 3 if weights == "none" else [12 / 3 / 6, 12 / 3 / 4, 12 / 3 / 2]
    top = bottom = 0.0
    for row, label in zip(outputs_of(method, batch), labels, strict=True):
        total = math.log(sum(math.exp(value) for value in row))
        for c, value in enumerate(row):
            share = (1 - smoothing) * (c == label) + smoothing / 3
            top -= weight[c] * share * (value - total)
        bottom += weight[label]
    assert loss_of(method, batch) == pytest.approx(top / bottom, abs=1e-5)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = np.array([0] * 7 + [1] * 2 + [2])
    form = Targets("classes", ("a", "b", "c"), labels).form
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert balanced_weights(form).tolist() == pytest.approx(wanted.tolist())


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_labels_are_the_mean_binary_cross_entropy(weights: Any) -> None:
    method, batch, targets = build("labels", class_weights=weights, label_smoothing=0.2)
    shown = targets.values.sum(0)
    weight = [1.0, 1.0] if weights == "none" else [(COUNT - n) / n for n in shown.tolist()]
    total = 0.0
    for row, truth in zip(outputs_of(method, batch), targets.values.tolist(), strict=True):
        for t, (value, label) in enumerate(zip(row, truth, strict=True)):
            p, y = 1 / (1 + math.exp(-value)), 0.8 * label + 0.1
            total -= weight[t] * y * math.log(p) + (1 - y) * math.log(1 - p)
    assert loss_of(method, batch) == pytest.approx(total / (2 * COUNT), abs=1e-5)


def test_numbers_are_standardised_absolute_errors() -> None:
    method, batch, targets = build("numbers")
    means, spread = targets.values.mean(0, np.float64), targets.values.std(0, np.float64)
    wanted = (targets.values.astype(np.float64) - means) / spread
    total = np.abs(np.array(outputs_of(method, batch)) - wanted).mean()
    assert loss_of(method, batch) == pytest.approx(total, abs=1e-5)


def test_a_mirrored_face_has_the_other_yaw_and_roll_and_the_same_pitch() -> None:
    method, batch, targets = build("numbers", crop_scale=1.0)
    views = method.views(batch, torch.Generator().manual_seed(3))
    flipped = 0
    for n in range(COUNT):
        turned = torch.allclose(views.images[n], batch.images[n].flip(2), atol=0.2)
        sign = -1 if turned else 1
        flipped += turned
        yaw, pitch, roll = targets.values[n].tolist()
        assert views.targets[n].tolist() == pytest.approx([sign * yaw, pitch, sign * roll])
    assert 0 < flipped < COUNT


def test_numbers_of_unknown_meaning_are_not_mirrored() -> None:
    method, batch, targets = build("numbers", crop_scale=1.0)
    form = TargetForm(kind="numbers", outputs=3, images=COUNT, names=("yaw", "pitch", "age"),
                      means=(0.0,) * 3, deviations=(1.0,) * 3)  # fmt: skip
    method.expect(form)
    views = method.views(batch, torch.Generator().manual_seed(3))
    assert torch.equal(views.targets, torch.from_numpy(targets.values))
    assert torch.allclose(views.images, batch.images, atol=0.2)
    everywhere = torch.ones(COUNT, dtype=torch.bool)
    classes = random_targets("classes", COUNT)
    labels = torch.from_numpy(classes.values)
    assert torch.equal(mirrored(labels, classes.form, everywhere), labels)


@pytest.mark.parametrize("kind", ["classes", "labels", "numbers", "identities"])
def test_a_few_steps_lower_the_loss_and_features_do_not_collapse(kind: TargetKind) -> None:
    method, batch, targets = build(kind, flip=False, crop_scale=0.9)
    order = targets.values.reshape(COUNT, -1)[:, 0].argsort().argsort()
    bright = torch.from_numpy(0.2 + 0.8 * order / COUNT).float()  # what the labels say is seen
    batch = batch._replace(images=batch.images * bright[:, None, None, None])
    adam = torch.optim.Adam(method.parameters(), lr=1e-2)
    losses = []
    for step in range(30):
        views = method.views(batch, torch.Generator().manual_seed(step))
        (term,) = method.loss(views, torch.Generator()).values()
        adam.zero_grad()
        term.backward()
        adam.step()
        losses.append(term.item())
    assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:5])
    assert feature_std(method, batch.images) > 0.05
