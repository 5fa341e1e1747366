"""HoG against a naive double loop, and what its definition promises."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from facebench.backbones import NoBackbone
from facebench.errors import SpecError
from facebench_methods.hog import HoG, HoGOptions


def describe(images: Tensor, options: HoGOptions | None = None) -> NDArray[np.float32]:
    method = HoG(NoBackbone(), options or HoGOptions(), 64)
    features: NDArray[np.float32] = method.features("f_s", images).numpy()
    return features


def naive_block(face: NDArray[np.float64]) -> list[float]:
    """Return the descriptor of a 16 px image: one block of four 8 px cells, nine bins each."""
    cells = np.zeros((2, 2, 9))
    for row in range(16):
        for column in range(16):
            largest, angle = 0.0, 0.0
            for channel in range(3):
                plane = face[channel]
                dy = plane[row + 1, column] - plane[row - 1, column] if 0 < row < 15 else 0.0
                dx = plane[row, column + 1] - plane[row, column - 1] if 0 < column < 15 else 0.0
                if math.hypot(dx, dy) > largest:
                    largest = math.hypot(dx, dy)
                    angle = math.degrees(math.atan2(dy, dx)) % 180
            cells[row // 8, column // 8, int(angle // 20)] += largest
    block = cells.ravel() / 64
    block /= math.sqrt((block**2).sum() + 1e-10)
    block = block.clip(max=0.2)
    block /= math.sqrt((block**2).sum() + 1e-10)
    return [float(value) for value in block]


def test_a_block_is_the_papers() -> None:
    face = np.random.default_rng(0).random((3, 16, 16))
    found = describe(torch.from_numpy(face)[None].float())[0]
    assert found == pytest.approx(naive_block(face), abs=1e-4)


def test_blocks_overlap_and_have_36_numbers_each() -> None:
    images = torch.rand(2, 3, 100, 100, generator=torch.Generator().manual_seed(0))
    features = describe(images)
    assert features.shape == (2, 11 * 11 * 36)
    assert np.allclose(np.linalg.norm(features.reshape(2, 121, 36), axis=2), 1, atol=1e-3)


def test_contrast_and_brightness_do_not_matter() -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert np.allclose(describe(images), describe(images * 0.5 + 0.3), atol=1e-4)


def test_a_ramp_has_one_orientation() -> None:
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    blocks = describe(ramp).reshape(-1, 9)
    assert (blocks[:, 0] > 0).all()  # to the right: the first bin
    assert (blocks[:, 1:] == 0).all()
    upright = describe(ramp.transpose(2, 3)).reshape(-1, 9)
    assert set(upright.nonzero()[1]) == {4}  # downwards, 90 degrees: the fifth


def test_an_image_smaller_than_a_block_is_an_error() -> None:
    with pytest.raises(SpecError, match=r"hog\.cell is 20, hog\.block 2: the images have 32"):
        describe(torch.rand(1, 3, 32, 32), HoGOptions(cell=20))
    with pytest.raises(SpecError, match="cell is 0"):
        HoGOptions(cell=0)
