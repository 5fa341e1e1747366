"""Split-Brain: colours and bins against scikit-image, the loss against loops, and the split."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab
from torch import Tensor
from torch.nn import functional as F

from facebench.errors import SpecError
from facebench.pretrain.collapse import feature_std
from facebench.testing.networks import TwoLayers
from facebench_methods._lab import colour_bins, lightness_bin, nearest_bin, rgb_to_lab
from facebench_methods.splitbrain import SplitBrain, SplitBrainOptions


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(**options: Any) -> SplitBrain:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SplitBrain(TwoLayers(), SplitBrainOptions(**options), 32)


def lab_of(images: Tensor) -> Any:
    return rgb2lab(images.permute(0, 2, 3, 1).double().numpy())  # [B, H, W, 3]


def test_lab_is_that_of_scikit_image() -> None:
    images = torch.rand(3, 3, 6, 5, generator=generator())
    images[0, :, :2] = torch.tensor([0.0, 1.0, 0.02])[:, None, None]
    ours = rgb_to_lab(images).permute(0, 2, 3, 1).numpy()
    assert np.abs(ours - lab_of(images)).max() < 1e-3


def test_bins_are_those_that_colours_reach() -> None:
    centres = colour_bins()
    assert len(centres) == len(centres.unique(dim=0))
    assert torch.equal(centres, (centres / 10).round() * 10)
    colours = torch.rand(1, 3, 40, 40, generator=generator(1))
    ab = rgb_to_lab(colours)[:, 1:]
    distance = (ab[0].flatten(1).T - centres[nearest_bin(ab, centres).flatten()]).abs()
    assert distance.max() <= 5.001  # within its own bin: none that is reached is missing
    found = lightness_bin(torch.tensor([0.0, 0.99, 1.0, 57.2, 99.9, 100.0]))
    assert found.tolist() == [0, 0, 1, 57, 99, 99]


def test_the_loss_is_the_mean_cross_entropy_over_cells() -> None:
    method = build(cells=2)
    images = torch.rand(3, 3, 32, 32, generator=generator(2))
    with torch.no_grad():
        terms = method.loss(images, generator())
        maps = [half.double() for half in method.halves(images)]
    lab = torch.from_numpy(lab_of(images))
    totals = {"L_ab": 0.0, "L_l": 0.0}
    side = 32 // 8  # pixels of a prediction: 4x4 cells of 2x2
    for b in range(3):
        for y in range(8):
            for x in range(8):
                place = lab[b, side * y : side * (y + 1), side * x : side * (x + 1)]
                lightness, colour = place.mean((0, 1))[0], place.mean((0, 1))[1:]
                right = {
                    "L_ab": int((method.centres.double() - colour).norm(dim=1).argmin()),
                    "L_l": min(99, int(lightness)),
                }
                heads = {"L_ab": method.to_ab, "L_l": method.to_lightness}
                for (name, head), features in zip(heads.items(), maps, strict=True):
                    weight, bias = (p.detach().double() for p in head.parameters())
                    scores = weight[:, :, 0, 0] @ features[b, :, y // 2, x // 2]
                    scores = (scores + bias)[(y % 2) * 2 + x % 2 :: 4]
                    totals[name] -= float(scores.log_softmax(0)[right[name]]) / (3 * 64)
    for name, total in totals.items():
        assert terms[name].item() == pytest.approx(total, rel=1e-4)


def test_each_half_sees_its_own_channels_alone() -> None:
    method = build().eval()
    lab = np.stack([np.full((32, 32), 60.0), *np.random.default_rng(0).uniform(-8, 8, (2, 32, 32))])
    other = lab.copy()
    other[1:] *= -1  # other colours of the same lightness
    images = [
        torch.from_numpy(lab2rgb(x.transpose(1, 2, 0)).transpose(2, 0, 1)).float()[None]
        for x in (lab, other)
    ]
    with torch.no_grad():
        (light, colour), (same, changed) = (method.halves(image) for image in images)
        features = method.encode(images[0])
    assert torch.allclose(light, same, atol=1e-4)
    assert (colour - changed).abs().max() > 1e-2
    assert torch.equal(features, torch.cat([light, colour], 1).flatten(1))
    assert features.shape == (1, method.feature_dim)


def test_learning_lowers_the_loss_and_does_not_collapse_the_features() -> None:
    method = build(crop_scale=1.0)
    images = F.interpolate(torch.rand(24, 3, 4, 4, generator=generator()), size=32)
    adam = torch.optim.Adam(method.parameters(), lr=2e-2)
    losses = []
    for step in range(25):
        loss = torch.stack([*method.loss(method.views(images, generator(step)), generator())
                            .values()]).sum()  # fmt: skip
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    chance = math.log(len(method.centres)) + math.log(100)
    assert losses[0] < 1.2 * chance
    assert losses[-1] < losses[0] - 0.5
    assert feature_std(method, images) > 0.1


@pytest.mark.parametrize("wrong", [{"crop_scale": 0.0}, {"cells": 0}], ids=str)
def test_options_out_of_range_are_errors(wrong: Any) -> None:
    with pytest.raises(SpecError, match=next(iter(wrong))):
        SplitBrainOptions(**wrong)
