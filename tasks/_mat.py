"""The ``.mat`` files of 300W-LP and AFLW2000-3D: head pose and landmarks of one image.

``Pose_Para`` is ``[pitch, yaw, roll, t_x, t_y, t_z, scale]`` with the angles in *radians* (Zhu et
al., CVPR 2016; the name of deep-head-pose's ``get_ypr_from_mat`` says otherwise, its use does
not). Signs, as the images show them: positive pitch looks up, positive yaw turns the nose to the
left of the image (the subject's right), positive roll turns the head clockwise in the image.

``pt2d`` has the landmarks in pixels: 68 in 300W-LP, the 21 of AFLW in AFLW2000-3D, where an
invisible one has x = -1 (and y = 452).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facebench.errors import DataError

from ._mat5 import FloatArray, read_arrays

_WANTED = ("Pose_Para", "pt2d")


class PoseFile(NamedTuple):
    """Content of one ``.mat`` file.

    Attributes:
        yaw: Yaw in degrees; ``pitch`` and ``roll`` likewise.
        points: Landmarks ``[2, N]``, x and y in pixels, invisible ones included.
    """

    yaw: float
    pitch: float
    roll: float
    points: FloatArray


def read_mat(path: Path) -> PoseFile:
    """Read the pose and the landmarks of one image.

    Args:
        path: A MATLAB 5 file.

    Returns:
        Angles in degrees, and landmarks in pixels.

    Raises:
        DataError: The file is missing, truncated or no MATLAB file, or a variable is missing or
            of another form; the message names file and variable.
    """
    try:
        content = read_arrays(path.read_bytes(), _WANTED)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise DataError(
            f"{path}: not a readable MATLAB file: {error}; expected version 5 with "
            f"{' and '.join(_WANTED)}. Unpack the dataset again."
        ) from error
    pose = _numbers(path, content, "Pose_Para", "[pitch, yaw, roll, ...] in radians, (1, 7)")
    points = _numbers(path, content, "pt2d", "landmarks x and y, (2, N)")
    if pose.shape != (1, 7):
        raise _bad(path, "Pose_Para", f"the shape {pose.shape}", "(1, 7)")
    if points.ndim != 2 or points.shape[0] != 2:
        raise _bad(path, "pt2d", f"the shape {points.shape}", "(2, N)")
    pitch, yaw, roll = np.degrees(pose[0, :3]).tolist()
    return PoseFile(yaw, pitch, roll, points)


def _numbers(path: Path, content: Mapping[str, FloatArray], name: str, expected: str) -> FloatArray:
    if name not in content:
        raise _bad(path, name, "nothing", expected)
    if not np.isfinite(content[name]).all():
        raise _bad(path, name, "values that are not finite", expected)
    return content[name]


def _bad(path: Path, name: str, found: str, expected: str) -> DataError:
    return DataError(
        f"{path}: {name}: found {found}; expected {expected}. Unpack the dataset again."
    )
