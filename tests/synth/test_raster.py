"""The rasteriser against a double loop, and what no rasteriser may do."""

from __future__ import annotations

import numpy as np
import pytest

from facebench.synth.assets import FloatArray, IntArray
from facebench.synth.raster import rasterise


def naive(points: FloatArray, triangles: IntArray, width: int, height: int) -> IntArray:
    """Names the nearest front-facing triangle at each sample, -1 for none, in float64."""
    found = np.full((height, width), -1, dtype=np.int32)
    depth = np.full((height, width), -np.inf)
    for name, corners in enumerate(triangles):
        a, b, c = points[corners].astype(np.float64)
        area = (c[0] - a[0]) * (b[1] - a[1]) - (b[0] - a[0]) * (c[1] - a[1])
        if area <= 0:
            continue
        for row in range(height):
            for column in range(width):
                x, y = column + 0.5 - a[0], row + 0.5 - a[1]
                s = (y * (c[0] - a[0]) - x * (c[1] - a[1])) / area
                t = (x * (b[1] - a[1]) - y * (b[0] - a[0])) / area
                z = a[2] + s * (b[2] - a[2]) + t * (c[2] - a[2])
                if s >= 0 and t >= 0 and s + t <= 1 and z > depth[row, column]:
                    found[row, column], depth[row, column] = name, z
    return found


@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_a_double_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-4, 24, size=(30, 3)).astype(np.float32)
    triangles = rng.permuted(np.tile(np.arange(30, dtype=np.int32), (24, 1)), axis=1)[:, :3]
    seen = rasterise(points, triangles, 20, 18)
    flat = np.full(20 * 18, -1)
    flat[seen.samples] = seen.triangles
    assert np.array_equal(flat.reshape(18, 20), naive(points, triangles, 20, 18))
    assert np.all(np.diff(seen.samples) > 0)


def test_a_subdivided_square_is_covered_without_gaps() -> None:
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.linspace(0, 40, 14), np.linspace(0, 40, 14)), axis=-1)
    grid[1:-1, 1:-1] += rng.uniform(-1, 1, size=(12, 12, 2))
    points = np.concatenate((grid.reshape(-1, 2), np.zeros((196, 1))), axis=1).astype(np.float32)
    corner = np.arange(196, dtype=np.int32).reshape(14, 14)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    halves = [np.stack(half, axis=-1).reshape(-1, 3) for half in ((a, d, c), (a, c, b))]
    seen = rasterise(points, np.concatenate(halves), 40, 40)
    assert len(seen.samples) == 1600


def test_blend_is_linear_across_a_triangle() -> None:
    points = np.array([[0, 0, 0], [0, 30, 0], [30, 0, 0]], dtype=np.float32)
    triangles = np.array([[0, 1, 2]], dtype=np.int32)
    seen = rasterise(points, triangles, 30, 30)
    across, down = seen.blend(points[:, :2].T, triangles)
    assert np.allclose(across, seen.samples % 30 + 0.5, atol=1e-4)
    assert np.allclose(down, seen.samples // 30 + 0.5, atol=1e-4)
    assert np.allclose(seen.weights.sum(axis=0), 1, atol=1e-6)


def test_triangles_that_face_away_or_lie_outside_are_dropped() -> None:
    points = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0], [50, 50, 0], [50, 60, 0], [60, 50, 0]])
    triangles = np.array([[0, 1, 2], [3, 4, 5]], dtype=np.int32)
    assert len(rasterise(points.astype(np.float32), triangles, 10, 10).samples) == 0
