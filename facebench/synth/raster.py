"""A z-buffer rasteriser as array operations: triangles in, nearest triangle per sample out.

Every triangle is cut into the rows it covers, every row into its samples, and depth is resolved
with one `numpy.maximum.at` on a packed (depth, triangle) key. No loop over triangles or pixels,
and no dependence on the order of evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebench.synth.assets import FloatArray, IntArray

LongArray = npt.NDArray[np.int64]

_TRIANGLE_BITS = 20


@dataclass(frozen=True)
class Fragments:
    """The visible samples of one image.

    Attributes:
        samples: ``[S]`` flat indices ``row * width + column`` of the covered samples, ascending.
        triangles: ``[S]`` index of the triangle seen at each sample.
        weights: ``[3, S]`` its barycentric weights there; they sum to 1.
    """

    samples: LongArray
    triangles: LongArray
    weights: FloatArray

    def blend(self, values: FloatArray, triangles: IntArray) -> FloatArray:
        """Interpolates vertex values ``[C, V]`` of a mesh at the samples: ``[C, S]``."""
        corners = np.take(triangles, self.triangles, axis=0).T
        total: FloatArray = np.take(values, corners[0], axis=1) * self.weights[0]
        for i in (1, 2):
            total += np.take(values, corners[i], axis=1) * self.weights[i]
        return total


def rasterise(points: FloatArray, triangles: IntArray, width: int, height: int) -> Fragments:
    """Finds the triangle nearest to the viewer at every sample of a grid.

    Args:
        points: ``[V, 3]``: x to the right and y down in samples (the centre of the first sample
            is 0.5, 0.5), and a depth in which larger is nearer, of any range.
        triangles: ``[F, 3]`` vertex indices, fewer than a million; those that run clockwise on
            the screen face away and are dropped.
        width: Columns of the grid.
        height: Rows of the grid.

    Returns:
        The covered samples, ascending.
    """
    front = _FrontFaces.of(points, triangles, width, height)
    owner, sample, depth = front.samples(width)
    # Positive floats keep their order as integers, so one maximum finds depth and triangle.
    key = depth.view(np.int32).astype(np.int64) << _TRIANGLE_BITS | np.take(front.names, owner)
    nearest = np.full(width * height, -1, dtype=np.int64)
    np.maximum.at(nearest, sample, key)
    samples = np.flatnonzero(nearest >= 0)
    seen = nearest[samples] & ((1 << _TRIANGLE_BITS) - 1)
    row, column = np.divmod(samples, width)
    return Fragments(samples, seen, _weights(points, triangles, seen, column, row))


def _weights(
    points: FloatArray, triangles: IntArray, seen: LongArray, column: LongArray, row: LongArray
) -> FloatArray:
    """Returns barycentric weights ``[3, S]`` of the triangles ``seen [S]`` at the samples."""
    corners = np.take(triangles, seen, axis=0)
    spot = np.stack((column, row)).astype(np.float32) + np.float32(0.5)
    flat = np.ascontiguousarray(points[:, :2])
    arms = [np.take(flat, corners[:, i], axis=0).T - spot for i in range(3)]
    areas = np.stack([_cross(arms[(i + 1) % 3], arms[(i + 2) % 3]) for i in range(3)])
    # On a shared edge rounding may put a sample slightly outside: clip rather than extrapolate.
    areas = np.minimum(areas, 0.0)
    return np.asarray(areas / np.minimum(areas[0] + areas[1] + areas[2], np.float32(-1e-12)))


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a[0] * b[1] - a[1] * b[0])


@dataclass(frozen=True)
class _FrontFaces:
    """The ``K`` triangles that face the viewer and may cover a sample."""

    names: LongArray  # [K] their indices in the mesh
    first: LongArray  # [2, K] leftmost column, top row
    last: LongArray  # [2, K] rightmost column, bottom row
    edges: npt.NDArray[np.float64]  # [6, 2, K] column at row 0 and per row: 3 left, 3 right edges
    depth: FloatArray  # [3, K] depth at the origin, per column, per row

    @staticmethod
    def of(points: FloatArray, triangles: IntArray, width: int, height: int) -> _FrontFaces:
        flat = points[:, :2].T
        corners = triangles.T
        x, y = (np.take(part, corners) - np.float32(0.5) for part in flat)  # [3, F]
        area = (x[2] - x[0]) * (y[1] - y[0]) - (x[1] - x[0]) * (y[2] - y[0])
        left, right = np.ceil(x.min(axis=0)), np.floor(x.max(axis=0))
        top, bottom = np.ceil(y.min(axis=0)), np.floor(y.max(axis=0))
        left, top = np.maximum(left, 0), np.maximum(top, 0)
        right, bottom = np.minimum(right, width - 1), np.minimum(bottom, height - 1)
        kept = np.flatnonzero((area > 1e-4) & (left <= right) & (top <= bottom))
        exact = x[:, kept].astype(np.float64), y[:, kept].astype(np.float64)
        return _FrontFaces(
            names=kept,
            first=np.stack((left[kept], top[kept])).astype(np.int64),
            last=np.stack((right[kept], bottom[kept])).astype(np.int64),
            edges=_edges(*exact),
            depth=_depth_planes(*exact, np.take(points[:, 2], corners[:, kept])),
        )

    def samples(self, width: int) -> tuple[LongArray, LongArray, FloatArray]:
        """Lists the covered samples: triangle (among the kept), flat index, depth."""
        rows = self.last[1] - self.first[1] + 1
        owner = np.repeat(np.arange(len(rows)), rows)
        row = np.arange(len(owner)) - np.take(np.cumsum(rows) - rows - self.first[1], owner)
        lines = np.take(self.edges[:, 0], owner, axis=1)
        lines += np.take(self.edges[:, 1], owner, axis=1) * row
        low = np.maximum(np.ceil(lines[:3].max(axis=0)), np.take(self.first[0], owner))
        high = np.minimum(np.floor(lines[3:].min(axis=0)), np.take(self.last[0], owner))
        count = np.maximum(high - low + 1, 0).astype(np.int64)
        start, across, down = (np.take(part, owner) for part in self.depth)
        start = start + down * row.astype(np.float32)
        line = np.repeat(np.arange(len(count)), count)
        column = np.arange(len(line)) - np.take(
            np.cumsum(count) - count - low.astype(np.int64), line
        )
        depth = np.take(start, line) + np.take(across, line) * column.astype(np.float32)
        sample = np.take(row * width, line) + column
        return np.take(owner, line), sample, np.maximum(depth, np.float32(0))


def _edges(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the lines ``[6, 2, K]`` of the edges that bound a triangle's rows.

    The first three bound it on the left, the last three on the right; an edge that does not is
    a line at infinity. Both triangles at an edge compute it from its upper end, hence the same
    numbers, so that no sample between them is missed.
    """
    lines = np.zeros((6, 2, x.shape[1]))
    lines[:3, 0], lines[3:, 0] = -np.inf, np.inf
    for i in range(3):
        j = (i + 1) % 3
        down = y[j] > y[i]
        x0, y0 = np.where(down, x[i], x[j]), np.where(down, y[i], y[j])
        x1, y1 = np.where(down, x[j], x[i]), np.where(down, y[j], y[i])
        level = y0 == y1
        slope = (x1 - x0) / np.where(level, 1.0, y1 - y0)
        line = np.stack((x0 - slope * y0, slope))
        np.copyto(lines[i], line, where=down & ~level)
        np.copyto(lines[3 + i], line, where=~down & ~level)
    return lines


def _depth_planes(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], depth: FloatArray
) -> FloatArray:
    """Returns depth, mapped into (0, 1), as planes ``[3, K]`` over column and row."""
    if not depth.size:
        return np.zeros((3, 0), dtype=np.float32)
    far, near = float(depth.min()), float(depth.max())
    z = 0.05 + 0.9 * (depth.astype(np.float64) - far) / max(near - far, 1e-6)
    (x1, x2), (y1, y2), (z1, z2) = (part[1:] - part[0] for part in (x, y, z))
    area = x1 * y2 - x2 * y1
    across, down = (z1 * y2 - z2 * y1) / area, (x1 * z2 - x2 * z1) / area
    return np.stack((z[0] - across * x[0] - down * y[0], across, down)).astype(np.float32)
