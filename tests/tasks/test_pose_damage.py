"""Damaged ``.mat`` and ``.npz`` files of head poses: read, or refused by name."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from facebench.errors import DataError
from facebench_tasks._mat import read_mat
from facebench_tasks._pose_npz import read_npz_image, read_poses

RNG = np.random.default_rng(0)
POSE = np.array([[0.1, -0.4, 0.02, 1, 2, 3, 0.001]])
POINTS = RNG.uniform(100, 300, (2, 68))


def mat(*, compressed: bool) -> bytes:
    stream = io.BytesIO()
    content = {"Pose_Para": POSE, "pt2d": POINTS, "roi": np.array([[1, 2, 3, 4]])}
    savemat(stream, content, do_compression=compressed)
    return stream.getvalue()


def npz() -> bytes:
    stream = io.BytesIO()
    images = RNG.integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    np.savez(stream, image=images, pose=np.zeros((3, 3)))
    return stream.getvalue()


MATS = {compressed: mat(compressed=compressed) for compressed in (False, True)}
NPZ = npz()
DAMAGE = st.lists(st.tuples(st.integers(0, 2**16), st.binary(min_size=1, max_size=4)), max_size=4)


def damaged(whole: bytes, damage: list[tuple[int, bytes]], cut: float) -> bytes:
    content = bytearray(whole)
    for place, change in damage:
        start = place % len(content)
        content[start : start + len(change)] = change
    return bytes(content[: round(len(content) * cut)])


@settings(max_examples=200, deadline=None)
@given(
    compressed=st.booleans(), damage=DAMAGE, cut=st.just(1.0) | st.floats(0, 1),
)  # fmt: skip
def test_damaged_mat(
    tmp_path_factory: pytest.TempPathFactory,
    compressed: bool,
    damage: list[tuple[int, bytes]],
    cut: float,
) -> None:
    path = tmp_path_factory.mktemp("mat") / "image00002.mat"
    path.write_bytes(damaged(MATS[compressed], damage, cut))
    try:
        pose = read_mat(path)
    except DataError as error:
        message = str(error)
    else:
        message = path.name
        assert np.isfinite([pose.yaw, pose.pitch, pose.roll]).all()
        assert np.isfinite(pose.points).all()
        assert pose.points.shape[0] == 2
    assert path.name in message


@settings(max_examples=100, deadline=None)
@given(damage=DAMAGE, cut=st.just(1.0) | st.floats(0, 1))
def test_damaged_npz(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, bytes]], cut: float
) -> None:
    path = tmp_path_factory.mktemp("npz") / "AFW.npz"
    path.write_bytes(damaged(NPZ, damage, cut))
    try:
        poses = read_poses(path)
        images = [read_npz_image(path, item) for item in range(len(poses))]
    except DataError as error:
        message = str(error)
    else:
        message = path.name
        assert np.isfinite(poses).all()
        assert all(image.dtype == np.uint8 and image.shape[2:] == (3,) for image in images)
    assert path.name in message
