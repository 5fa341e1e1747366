"""FaceCycle's losses and its warping against their formulas, written as loops in float64."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.nn import functional as F

from facebench_methods._facecycle_losses import (
    gram,
    margin_loss,
    perceptual_loss,
    ssim_loss,
    swap_halves,
    symmetry_loss,
)
from facebench_methods._flow import warp


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def smooth(count: int, side: int, seed: int = 0) -> Tensor:
    return F.interpolate(normal(count, 3, 6, 6, seed=seed), size=side, mode="bilinear")


def naive_gram(features: Tensor) -> Tensor:
    c, h, w = features.shape
    result = torch.zeros(c, c, dtype=torch.float64)
    for i in range(c):
        for j in range(c):
            for y in range(h):
                for x in range(w):
                    result[i, j] += features[i, y, x].double() * features[j, y, x].double()
    return result / (h * w)


def test_gram_matrix() -> None:
    features = normal(2, 3, 4, 5)
    for found, image in zip(gram(features), features, strict=True):
        assert torch.allclose(found.double(), naive_gram(image), rtol=1e-5)


def test_perceptual_loss_sums_layers_and_averages_over_reconstructions() -> None:
    target = [normal(2, 3, 4, 4, seed=1), normal(2, 5, 2, 2, seed=2)]
    drawn = [normal(6, 3, 4, 4, seed=3), normal(6, 5, 2, 2, seed=4)]
    expected = 0.0
    for ours, theirs in zip(drawn, target, strict=True):
        errors = [
            float((naive_gram(ours[k * 2 + i]) - naive_gram(theirs[i])).square().mean())
            for k in range(3)
            for i in range(2)
        ]
        expected += float(np.mean(errors))
    assert perceptual_loss(drawn, target).item() == pytest.approx(expected, rel=1e-5)


def test_perceptual_loss_passes_no_gradient_to_its_target() -> None:
    target, drawn = normal(2, 3, 4, 4).requires_grad_(), normal(2, 3, 4, 4, seed=1).requires_grad_()
    perceptual_loss([drawn], [target]).backward()
    assert target.grad is None
    assert drawn.grad is not None


def naive_ssim_loss(drawn: Tensor, target: Tensor) -> Tensor:
    """Look through each window by itself, in float64; gradients pass."""
    places = torch.arange(-5, 6).double()
    line = torch.exp(-places.square() / (2 * 1.5**2))
    window = torch.outer(line, line) / line.sum() ** 2
    (count, channels, h, w), scores = drawn.shape, []
    padded_drawn, padded_target = F.pad(drawn, (5,) * 4), F.pad(target, (5,) * 4)
    for i in range(count):
        for c in range(channels):
            for y in range(h):
                for x in range(w):
                    a = padded_drawn[i, c, y : y + 11, x : x + 11]
                    b = padded_target[i, c, y : y + 11, x : x + 11]
                    mean_a, mean_b = (window * a).sum(), (window * b).sum()
                    # E (a - E a)(b - E b), the window being of sum 1
                    var_a = (window * (a - mean_a).square()).sum()
                    var_b = (window * (b - mean_b).square()).sum()
                    cov = (window * (a - mean_a) * (b - mean_b)).sum()
                    upper = (2 * mean_a * mean_b + 0.01**2) * (2 * cov + 0.03**2)
                    lower = (mean_a**2 + mean_b**2 + 0.01**2) * (var_a + var_b + 0.03**2)
                    scores.append(upper / lower)
    return 1 - torch.stack(scores).mean()


@pytest.mark.parametrize("size", [(12, 15), (4, 7)], ids=["12x15", "smaller than the window"])
def test_ssim_and_its_gradient_are_those_of_each_window_by_itself(size: tuple[int, int]) -> None:
    target = F.interpolate(normal(2, 3, 4, 4), size=size, mode="bilinear")
    drawn = 0.7 * target + 0.3 * normal(*target.shape, seed=1)
    ours, theirs = drawn.requires_grad_(), drawn.detach().double().requires_grad_()
    found, expected = ssim_loss(ours, target), naive_ssim_loss(theirs, target.double())
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), abs=1e-6)
    assert ours.grad is not None
    assert theirs.grad is not None
    assert (ours.grad - theirs.grad).norm() < 1e-4 * theirs.grad.norm()


def framed(image: Tensor) -> NDArray[np.float64]:
    """Return an image with the border that its window sees; scikit-image scores no border."""
    padded: NDArray[np.float64] = np.pad(image.double().numpy(), ((0, 0), (5, 5), (5, 5)))
    return padded


def test_ssim_is_that_of_scikit_image() -> None:
    drawn, target = smooth(3, 24, seed=1)[..., :19], smooth(3, 24, seed=2)[..., :19]
    target = 0.7 * drawn + 0.3 * target
    scores = [
        structural_similarity(
            framed(a), framed(b), channel_axis=0, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, data_range=1.0,
        )
        for a, b in zip(drawn, target, strict=True)
    ]  # fmt: skip
    assert ssim_loss(drawn, target).item() == pytest.approx(1 - np.mean(scores), abs=1e-5)
    assert ssim_loss(drawn, drawn).item() == pytest.approx(0, abs=1e-6)


def test_ssim_is_computed_in_32_bits_whatever_the_precision() -> None:
    """In bfloat16 the variances, differences of squares, would be noise."""
    drawn, target = smooth(2, 16, seed=1), smooth(2, 16, seed=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ssim_loss(drawn, target)
    assert torch.equal(found, ssim_loss(drawn, target))


@pytest.mark.parametrize("width", [6, 7])
def test_symmetry_compares_each_pixel_with_its_mirror_image(width: int) -> None:
    faces = normal(2, 3, 4, width)
    errors = []
    for face in faces.double():
        for channel in face:
            for row in channel:
                errors += [abs(float(row[x] - row[width - 1 - x])) for x in range(width // 2)]
    assert symmetry_loss(faces).item() == pytest.approx(np.mean(errors), rel=1e-5)
    assert symmetry_loss(faces + faces.flip(3)).item() == pytest.approx(0, abs=1e-6)


def test_margin_loss_counts_what_exceeds_the_margin() -> None:
    mean_face, faces = 0.2 * normal(1, 3, 4, 4), 0.2 * normal(3, 3, 4, 4, seed=1)
    errors = [
        max(0.0, abs(float(m) - float(p)) - 0.1)
        for face in faces.double()
        for m, p in zip(mean_face.double().flatten(), face.flatten(), strict=True)
    ]
    assert 0.0 in errors
    assert margin_loss(mean_face, faces).item() == pytest.approx(np.mean(errors), rel=1e-5)


def naive_warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample ``[C, H, W]`` at each pixel's place plus ``[2, H, W]`` of flow; 0 outside."""
    c, h, w = image.shape
    result = torch.zeros(c, h, w, dtype=torch.float64)
    for y in range(h):
        for x in range(w):
            at_x = x + float(flow[0, y, x]) * (w - 1) / 2
            at_y = y + float(flow[1, y, x]) * (h - 1) / 2
            for j in (int(np.floor(at_y)), int(np.floor(at_y)) + 1):
                for i in (int(np.floor(at_x)), int(np.floor(at_x)) + 1):
                    if 0 <= j < h and 0 <= i < w:
                        share = (1 - abs(at_x - i)) * (1 - abs(at_y - j))
                        result[:, y, x] += share * image[:, j, i].double()
    return result


def test_warp_samples_where_the_flow_points() -> None:
    images, flow = normal(2, 3, 5, 7), 0.5 * normal(2, 2, 5, 7, seed=1)
    for found, image, moves in zip(warp(images, flow), images, flow, strict=True):
        assert torch.allclose(found.double(), naive_warp(image, moves), atol=1e-5)


def test_a_flow_of_another_size_is_resized() -> None:
    images, small = normal(1, 3, 7, 7), 0.3 * normal(1, 2, 3, 3, seed=1)
    places = np.linspace(0, 2, 7)  # the corners stay corners
    large = torch.zeros(2, 7, 7)
    for channel, target in zip(small[0].double().numpy(), large, strict=True):
        rows = np.stack([np.interp(places, range(3), row) for row in channel])
        columns = np.stack([np.interp(places, range(3), column) for column in rows.T])
        target.copy_(torch.from_numpy(columns.T))
    assert torch.allclose(warp(images, small)[0].double(), naive_warp(images[0], large), atol=1e-5)


def test_no_flow_changes_nothing_and_a_constant_flow_shifts() -> None:
    images, flow = normal(2, 3, 6, 9), torch.zeros(2, 2, 4, 4)
    assert torch.allclose(warp(images, flow), images, atol=1e-5)
    flow[:, 0] = 2 * 2 / (9 - 1)  # two pixels
    shifted = warp(images, flow)
    assert torch.allclose(shifted[..., :-2], images[..., 2:], atol=1e-5)
    assert shifted[..., -2:].abs().max() < 1e-5


def test_halves_change_places() -> None:
    assert swap_halves(torch.arange(6)).tolist() == [3, 4, 5, 0, 1, 2]
