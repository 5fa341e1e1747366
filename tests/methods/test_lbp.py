"""LBP against naive loops, and what its definition promises."""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from conftest import Facebench
from facebench.backbones import NoBackbone
from facebench.errors import SpecError
from facebench_methods.lbp import LBP, LBPOptions, histograms


def describe(images: Tensor, options: LBPOptions) -> NDArray[np.float32]:
    features: NDArray[np.float32] = LBP(NoBackbone(), options, 64).features("f_s", images).numpy()
    return features


def gray(values: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(values).float().div(255).expand(1, 3, -1, -1)


def pattern(image: NDArray[np.uint8], row: int, column: int, options: LBPOptions) -> str:
    """Return the pattern of one pixel: 8 signs, or ``other`` with more than two changes."""

    def value(y: float, x: float) -> float:
        top, left = math.floor(y), math.floor(x)
        total = 0.0
        for i in (0, 1):
            for j in (0, 1):
                inside = 0 <= top + i < image.shape[0] and 0 <= left + j < image.shape[1]
                share = abs(1 - i - (y - top)) * abs(1 - j - (x - left))
                total += share * float(image[top + i, left + j]) if inside and share else 0.0
        return total

    angles = [2 * math.pi * n / options.points for n in range(options.points)]
    signs = [
        value(
            row - round(options.radius * math.sin(a), 5),
            column + round(options.radius * math.cos(a), 5),
        )
        >= float(image[row, column])
        for a in angles
    ]
    changes = sum(signs[n] != signs[n - 1] for n in range(options.points))
    if changes > 2:
        return "other"
    return str(sum(signs)) if options.rotation_invariant else "".join("01"[s] for s in signs)


@pytest.mark.parametrize("radius", [1.0, 2.0])
@pytest.mark.parametrize("rotation_invariant", [False, True])
def test_each_cell_counts_the_uniform_patterns_of_its_pixels(
    rotation_invariant: bool, radius: float
) -> None:
    options = LBPOptions(grid=2, radius=radius, rotation_invariant=rotation_invariant)
    image = np.random.default_rng(0).integers(0, 256, (12, 12), dtype=np.uint8)
    if radius == 2:  # a flat patch, where every comparison is a tie; at 1 rounding decides those
        image[3:6, 3:6] = 90
    found = describe(gray(image), options).reshape(4, options.bins)
    for cell in range(4):
        rows, columns = (range(6 * k, 6 * k + 6) for k in divmod(cell, 2))
        counts = Counter(pattern(image, y, x, options) for y in rows for x in columns)
        other = counts.pop("other", 0)
        assert found[cell][-1] == pytest.approx(other / 36)
        # The order of the bins is scikit-image's; which pattern has which does not matter.
        shares = sorted(share for share in found[cell][:-1] if share)
        assert shares == pytest.approx(sorted(count / 36 for count in counts.values()))


def test_histograms_against_a_loop_where_cells_differ_in_size() -> None:
    patterns = np.random.default_rng(1).integers(0, 5, (2, 7, 10))
    expected = np.zeros((2, 3, 3, 5))
    for image in range(2):
        for row in range(7):
            for column in range(10):
                expected[image, row * 3 // 7, column * 3 // 10, patterns[image, row, column]] += 1
    expected /= expected.sum(axis=-1, keepdims=True)
    assert np.allclose(histograms(patterns, 3, 5), expected.reshape(2, -1))


@pytest.mark.parametrize(("recipe", "bins"), [("paper", 10), ("ahonen", 59)])
def test_the_descriptor_has_a_histogram_in_each_of_49_cells(recipe: str, bins: int) -> None:
    options = LBPOptions(**LBP.info.recipes[recipe])
    features = describe(torch.rand(2, 3, 100, 100), options)
    assert features.shape == (2, 7 * 7 * bins)
    assert np.allclose(features.reshape(2, 49, bins).sum(axis=2), 1)


def test_contrast_and_brightness_do_not_matter() -> None:
    image = np.random.default_rng(2).integers(0, 100, (20, 20), dtype=np.uint8)
    inner = image.copy()
    # Beyond the border everything is 0, so brightness matters there.
    options = LBPOptions(grid=1)
    patterns = [pattern(2 * image + 40, 10, x, options) for x in range(3, 17)]
    assert patterns == [pattern(inner, 10, x, options) for x in range(3, 17)]
    assert np.array_equal(describe(gray(image), options), describe(gray(2 * image), options))


def test_more_cells_than_pixels_is_an_error() -> None:
    with pytest.raises(SpecError, match=r"lbp\.grid is 40: the images have 32 pixels"):
        describe(torch.rand(1, 3, 32, 32), LBPOptions(grid=40))


def test_other_settings_are_other_features_of_no_backbone(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    """They have no weights that differ."""
    for grid in (2, 3):
        done = facebench(
            "run", "--method", "lbp", "--task", "tiny", "--plugin", str(plugin), "--no-floors",
            "--set", f"lbp.grid={grid}", "--set", "probe.epochs=3", "--set", "extract.pool=mean",
        )  # fmt: skip
        assert "no-backbone, nothing learned" in done.stdout
    found = [json.loads(path.read_text()) for path in tmp_path.glob("results/runs/tiny/*.json")]
    assert {record["spec"]["backbone"] for record in found} == {"no-backbone"}
    assert len({record["stages"]["features"] for record in found}) == 2
