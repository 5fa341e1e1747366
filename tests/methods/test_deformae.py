"""The Deforming Autoencoder: its grid and its terms against loops in float64."""

from typing import Any

import numpy as np
import pytest
import torch

from facebench.testing.networks import TwoLayers
from facebench_methods._deforming import MapDecoder, integrated
from facebench_methods.deformae import DeformAE


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(**options: Any) -> DeformAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return DeformAE(TwoLayers(), DeformAE.Options(**{**DeformAE.info.small, **options}), 16)


def test_the_grid_is_the_running_sum_of_the_steps_and_does_not_fold() -> None:
    steps = torch.rand(2, 2, 8, 8, generator=generator())
    grid = integrated(steps)
    values = steps.double().numpy() * 5 / 8
    for b in range(2):
        for i in range(8):
            for j in range(8):
                x = min(1.0, max(-1.0, values[b, 0, i, : j + 1].sum() - 1.2))
                y = min(1.0, max(-1.0, values[b, 1, : i + 1, j].sum() - 1.2))
                assert np.allclose(grid[b, :, i, j], [x, y], atol=1e-5)
    assert (grid[:, 0].diff(dim=2) >= 0).all()
    assert (grid[:, 1].diff(dim=1) >= 0).all()


def test_half_steps_cover_the_image_at_every_size() -> None:
    for side in (16, 32, 64):
        grid = integrated(torch.full((1, 2, side, side), 0.5))
        assert grid[0, 0, 0, 0] == -1
        assert grid[0, 1, -1, 0] == 1


def test_decoders_have_the_released_widths() -> None:
    decoder = MapDecoder(16, 3, 64, 32, torch.nn.ReLU, torch.nn.Hardtanh(0, 1))
    widths = [m.out_channels for m in decoder if isinstance(m, torch.nn.ConvTranspose2d)]
    assert widths == [256, 128, 64, 32, 32, 3]
    assert decoder(torch.rand(2, 16, generator=generator())).shape == (2, 3, 64, 64)


@pytest.mark.parametrize("intrinsic", [False, True])
def test_the_loss_is_its_terms(intrinsic: bool) -> None:
    method = build(intrinsic=intrinsic)
    images = torch.rand(3, 3, 16, 16, generator=generator(1))
    with torch.no_grad():
        terms = method.loss(images, generator())
        code = method.to_code(method.encode(images))
        texture = method.texture(method.to_appearance(code)).double()
        grid = integrated(method.offsets(method.to_deformation(code))).double()
        if intrinsic:
            shades = method.shading(method.to_shading(code)).double()
            texture = shades * texture
        made = torch.nn.functional.grid_sample(
            texture, grid.permute(0, 2, 3, 1), align_corners=True
        )
    wanted = {"L_photo": float((made - images.double()).abs().mean())}
    ends = np.linspace(-1, 1, 16)
    base = np.stack(np.meshgrid(ends, ends, indexing="xy"))
    moved = grid.numpy() - base
    wanted["L_bias"] = float((moved.mean(0) ** 2).mean())
    smooth = [np.abs(np.diff(m, axis=1)).sum() + np.abs(np.diff(m, axis=2)).sum() for m in moved]
    wanted["L_smooth"] = float(np.mean(smooth))
    if intrinsic:
        squares = [
            (np.diff(m, axis=1) ** 2).sum() + (np.diff(m, axis=2) ** 2).sum()
            for m in shades.numpy()
        ]
        wanted["L_shading"] = float(np.mean(squares))
    assert terms.keys() == wanted.keys()
    for name, value in wanted.items():
        assert terms[name].item() == pytest.approx(value, rel=1e-4), name
    assert set(method.term_weights()) == set(wanted) - {"L_photo"}
