"""Crops from five landmarks of a face (eyes, nose, corners of the mouth)."""

from __future__ import annotations

import math
from pathlib import Path

from facebench.runtime.images import Box

from ._reading import bad_line, read_lines

_EXPECTED = "five lines with x and y in pixels"

Point = tuple[float, float]


def read_points(file: Path) -> list[Point]:
    """Read a file of five lines ``x y``.

    Args:
        file: File of landmarks, such as CPLFW's ``Aaron_Sorkin_1_5loc_attri.txt``.

    Returns:
        Five points, in pixels.

    Raises:
        DataError: The file is missing, or a line does not parse (``file:line``).
    """
    points: list[Point] = []
    number, line = 0, "nothing"
    for number, line in read_lines(file):
        point = _point(line)
        if point is None or len(points) == 5:
            raise bad_line(file, number, line, _EXPECTED)
        points.append(point)
    spread = len(set(points)) > 1
    if len(points) != 5 or not spread:
        found = f"{len(points)} points" if spread else f"{len(points)} points in one place"
        raise bad_line(file, max(number, 1), found, _EXPECTED)
    return points


def square(points: list[Point], margin: float) -> Box:
    """Return a square around the points, centred on their bounding box.

    Args:
        points: At least two different ones, x and y in pixels.
        margin: Margin on every side, as a fraction of the longer side of the bounding box.

    Returns:
        Left, top, right, bottom in pixels, right and bottom excluded; it may extend over the
        border.
    """
    xs, ys = zip(*points, strict=True)
    side = (1 + 2 * margin) * max(max(xs) - min(xs), max(ys) - min(ys))
    left = math.floor((min(xs) + max(xs) - side) / 2 + 0.5)
    top = math.floor((min(ys) + max(ys) - side) / 2 + 0.5)
    pixels = max(1, round(side))
    return left, top, left + pixels, top + pixels


def _point(line: str) -> Point | None:
    try:
        x, y = (float(field) for field in line.split())
    except ValueError:
        return None
    return (x, y) if math.isfinite(x) and math.isfinite(y) else None
