"""Geometry and filters against torchvision, one image at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from facebench.pretrain.augment import geometry as augment

SHAPES = [(64, 64), (48, 56)]


def faces(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Images in [0, 1] that are smooth at one scale and noisy at another."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 5, 5, generator=generator)
    smooth = F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return (0.7 * smooth + 0.3 * torch.rand(count, 3, height, width, generator=generator)).float()


@pytest.mark.parametrize(("height", "width"), SHAPES)
@pytest.mark.parametrize("size", [16, 64, 100])
def test_resized_crop_is_torchvisions(height: int, width: int, size: int) -> None:
    images = faces(5, height, width)
    boxes = torch.tensor(
        [
            [0, 0, height, width],
            [3, 5, 40, 21],
            [10, 0, 7, width],
            [0, 12, height, 1],
            [20, 30, 17, 26],
        ]
    )
    got = augment.resized_crop(images, boxes, size)
    for image, box, crop in zip(images, boxes.tolist(), got, strict=True):
        want = reference.resized_crop(image, *box, size=[size, size], antialias=True)
        torch.testing.assert_close(crop, want, atol=2e-5, rtol=0)


def test_resized_crop_is_pils_up_to_rounding() -> None:
    pixels = (faces(3, 64, 64) * 255).round().byte()
    boxes = torch.tensor([[2, 9, 50, 41], [0, 0, 64, 64], [30, 30, 20, 30]])
    got = augment.resized_crop(pixels.float() / 255, boxes, 32)
    for image, (top, left, height, width), crop in zip(pixels, boxes.tolist(), got, strict=True):
        pil = Image.fromarray(image.permute(1, 2, 0).numpy())
        cut = pil.crop((left, top, left + width, top + height))
        want = np.asarray(cut.resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float32)
        # PIL rounds to 8 bits after each axis: half a grey level twice
        assert np.abs(crop.permute(1, 2, 0).numpy() * 255 - want).max() < 1.1


def test_separable_is_two_matrix_products_per_channel() -> None:
    images = faces(3, 6, 5).double()
    rows, columns = torch.rand(3, 4, 6).double(), torch.rand(3, 7, 5).double()
    want = torch.stack(
        [torch.stack([rows[b] @ images[b, c] @ columns[b].T for c in range(3)]) for b in range(3)]
    )
    torch.testing.assert_close(augment.separable(images, rows, columns), want)


@given(
    start=st.integers(0, 60), length=st.integers(1, 64), size=st.integers(1, 90)
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_resize_matrix_averages_pixels_of_its_interval(start: int, length: int, size: int) -> None:
    length = min(length, 64 - start)
    begin, extent = torch.tensor([float(start)]), torch.tensor([float(length)])
    matrix = augment.resize_matrix(begin, extent, 64, size)
    assert matrix.shape == (1, size, 64)
    assert (matrix >= 0).all()
    torch.testing.assert_close(matrix.sum(2), torch.ones(1, size))
    assert (matrix[:, :, :start] == 0).all()
    assert (matrix[:, :, start + length :] == 0).all()


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_affine_is_torchvisions(height: int, width: int) -> None:
    images = faces(6, height, width)
    degrees = torch.tensor([0.0, 30.0, -45.0, 90.0, 7.5, 0.0])
    shift = torch.tensor([[0, 0], [0, 0], [3, -5], [0, 2], [-4, 6], [10, 0]])
    got = augment.affine(images, degrees, shift.float())
    for i, image in enumerate(images):
        want = reference.affine(
            image,
            angle=float(degrees[i]),
            translate=[float(value) for value in shift[i]],
            scale=1.0,
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
        torch.testing.assert_close(got[i], want, atol=2e-4, rtol=0)


@pytest.mark.parametrize(("height", "width"), SHAPES)
@pytest.mark.parametrize("angle", [-120.0, -10.0, 3.0, 45.0])
def test_affine_by_a_negative_angle_is_torchvisions_rotate(
    height: int, width: int, angle: float
) -> None:
    images = faces(2, height, width)
    got = augment.affine(images, torch.full((2,), -angle), torch.zeros(2, 2))
    want = reference.rotate(images, angle, interpolation=InterpolationMode.BILINEAR)
    torch.testing.assert_close(got, want, atol=2e-4, rtol=0)


@pytest.mark.parametrize("fill", ["border", "reflection"])
def test_affine_fills_from_the_image(fill: str) -> None:
    gray = torch.full((1, 3, 32, 32), 0.6)
    turned = augment.affine(gray, torch.tensor([40.0]), torch.tensor([[5.0, 2.0]]), fill)
    torch.testing.assert_close(turned, gray)


@pytest.mark.parametrize(("height", "width"), SHAPES)
@pytest.mark.parametrize("kernel_size", [1, 3, 7, 23])
def test_gaussian_blur_is_torchvisions(height: int, width: int, kernel_size: int) -> None:
    images = faces(5, height, width)
    sigma = torch.tensor([0.1, 0.4, 1.0, 1.7, 6.0])
    got = augment.gaussian_blur(images, sigma, kernel_size)
    for image, width_, blurred in zip(images, sigma.tolist(), got, strict=True):
        want = reference.gaussian_blur(image, [kernel_size] * 2, [width_] * 2)
        torch.testing.assert_close(blurred, want, atol=1e-5, rtol=0)


def test_sobel_is_a_naive_loop() -> None:
    images = faces(2, 7, 9).double()
    got = augment.sobel(images)
    for b in range(2):
        gray = np.zeros((9, 11))  # one pixel of zeros all round
        red, green, blue = images[b].numpy()
        gray[1:-1, 1:-1] = (65.738 * red + 129.057 * green + 25.064 * blue) / 256
        for y in range(7):
            for x in range(9):
                gx = gray[y + 1, x + 2] - gray[y + 1, x]
                gy = gray[y + 2, x + 1] - gray[y, x + 1]
                want = min(1.0, (gx * gx + gy * gy + 1e-6) ** 0.5)
                np.testing.assert_allclose(got[b, :, y, x].numpy(), want, atol=1e-12)


@given(level=st.floats(0, 1), sigma=st.floats(0.1, 3), degrees=st.floats(-180, 180))
@settings(max_examples=25, deadline=None)
def test_a_constant_image_stays_constant(level: float, sigma: float, degrees: float) -> None:
    image = torch.full((1, 3, 20, 24), level)
    blurred = augment.gaussian_blur(image, torch.tensor([sigma]), 7)
    torch.testing.assert_close(blurred, image)
    cropped = augment.resized_crop(image, torch.tensor([[3, 2, 11, 17]]), 20)
    torch.testing.assert_close(cropped, torch.full((1, 3, 20, 20), level))
    turned = augment.affine(image, torch.tensor([degrees]), torch.zeros(1, 2), "border")
    torch.testing.assert_close(turned, image)
    inner = augment.sobel(image)[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(inner, torch.full_like(inner, 1e-3))


@given(seed=st.integers(0, 2**31), count=st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_where_changes_exactly_the_chosen(seed: int, count: int) -> None:
    images = faces(count, 8, 8, seed)
    before = images.clone()
    mask = torch.rand(count, generator=torch.Generator().manual_seed(seed)) < 0.5
    got = augment.apply_where(images, mask, augment.flip)
    assert torch.equal(got[mask], before[mask].flip(3))
    assert torch.equal(got[~mask], before[~mask])
    assert torch.equal(augment.apply_where(got, mask, augment.flip), before)
    assert torch.equal(images, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_strides_and_dtype_do_not_matter(dtype: torch.dtype) -> None:
    images = faces(4, 24, 24).to(dtype)
    strided = images.contiguous(memory_format=torch.channels_last)
    boxes = torch.tensor([[1, 2, 12, 13]] * 4)
    for one, other in [
        (augment.resized_crop(images, boxes, 16), augment.resized_crop(strided, boxes, 16)),
        (augment.sobel(images), augment.sobel(strided)),
        (
            augment.gaussian_blur(images, torch.ones(4), 5),
            augment.gaussian_blur(strided, torch.ones(4), 5),
        ),
    ]:
        assert one.dtype == dtype
        torch.testing.assert_close(one, other)
