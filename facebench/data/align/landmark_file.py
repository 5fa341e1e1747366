"""Files of landmarks: a CSV with five points for each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from facebench.data.align.five_points import NAMES, Points
from facebench.errors import DataError

COLUMNS = tuple(f"{name}_{axis}" for name in NAMES for axis in "xy")


def read_landmarks(file: Path, paths: Sequence[str]) -> Points:
    """Read the landmarks of images.

    Args:
        file: CSV with the columns ``path`` (as in the task's table) and :data:`COLUMNS`, in pixels
            of the image, from the centre of its first pixel. Empty values: no face was found.
        paths: Paths of the images; rows of other images are ignored.

    Returns:
        ``[N, 5, 2]``; NaN where the file has no row, or an empty value.

    Raises:
        DataError: The file cannot be read, lacks a column, has an image twice or none of them, or
            its left points are those of the subject.
    """
    try:
        table = pd.read_csv(file, dtype={"path": str})
    except (OSError, ValueError) as error:  # pandas' parser raises a ValueError
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{file}: cannot be read as CSV: {reason}.") from error
    lacking = [name for name in ("path", *COLUMNS) if name not in table]
    if lacking:
        raise DataError(
            f"{file}: found the columns {', '.join(map(str, table.columns))}; expected path, "
            f"{', '.join(COLUMNS)} (lacking: {', '.join(lacking)})."
        )
    odd = [name for name in COLUMNS if table[name].dtype.kind not in "if"]
    if odd:
        row = int(pd.to_numeric(table[odd[0]], errors="coerce").isna().to_numpy().argmax())
        value = table[odd[0]].iloc[row]
        raise DataError(f"{file}: line {row + 2}: {odd[0]} is '{value}'; expected a number.")
    doubled = np.flatnonzero(table["path"].duplicated())
    if len(doubled):
        row = int(doubled[0])
        raise DataError(f"{file}: line {row + 2}: {table['path'].iloc[row]} is there twice.")
    found = table.set_index("path").reindex(list(paths))[list(COLUMNS)].to_numpy(np.float64)
    points = found.reshape(len(paths), len(NAMES), 2)
    if np.isnan(points).any(axis=(1, 2)).all():
        first = table["path"].iloc[0] if len(table) else "no row"
        raise DataError(
            f"{file}: has landmarks of none of the {len(paths):,} images: found {first}; expected "
            f"paths such as {paths[0]}."
        )
    check_sides(points, str(file))
    return points


def check_sides(points: Points, where: str) -> None:
    """Check that left is left in the image.

    Args:
        points: ``[N, 5, 2]``, NaN where unknown.
        where: Where they are from.

    Raises:
        DataError: In most images the left eye is right of the right one.
    """
    known = points[~np.isnan(points).any(axis=(1, 2))]
    if len(known) and (known[:, 0, 0] > known[:, 1, 0]).mean() > 0.5:
        raise DataError(
            f"{where}: in most images the left eye is right of the right one; expected left as in "
            "the image, not as of the person. Exchange left and right."
        )
