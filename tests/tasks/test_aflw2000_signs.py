"""Real and rendered head poses mean the same: degrees, order, and which side is positive."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from facebench.data.dataset import open_dataset
from facebench.progress import Silent
from facebench.synth import FaceSampler
from facebench_tasks.aflw2000 import AFLW2000, AFLW2000Options, read_aflw2000, within_limit


def test_stand_in_has_the_real_layout_and_signs(stand_ins: Path) -> None:
    dataset = open_dataset(AFLW2000(), None, stand_ins, scale=0.02)
    assert dataset.synthetic
    assert dataset.counts == {"train": 24, "test": 6}
    assert dataset.warnings == ()
    table = dataset.table
    assert set(table[table["split"] == "train"].groupby("subject").size()) == {6}
    for path, yaw, roll in zip(table["path"], table["yaw"], table["roll"], strict=True):
        assert dataset.task.read_image(dataset.root, path).shape == (450, 450, 3)
        content = loadmat(dataset.root / Path(path).with_suffix(".mat"))
        points = content["pt2d"]
        assert points.shape == ((2, 68) if path.startswith("300W_LP") else (2, 21))
        if points.shape[1] == 68:
            check_signs(points, points[:, 30], yaw, roll)


def check_signs(points: np.ndarray, nose: np.ndarray, yaw: float, roll: float) -> None:
    """Positive yaw: the nose is nearer to the image's left end of the jaw; roll: clockwise."""
    right, left = points[:, 0], points[:, 16]  # the ends of the jaw
    if abs(yaw) > 15:
        assert np.sign(abs(left[0] - nose[0]) - abs(right[0] - nose[0])) == np.sign(yaw)
    if abs(roll) > 5 and abs(yaw) < 40:
        eyes = points[:, 42:48].mean(axis=1) - points[:, 36:42].mean(axis=1)
        assert np.sign(eyes[1]) == np.sign(roll)


def test_stand_in_is_reproducible(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        AFLW2000().synthesise(tmp_path / name, FaceSampler(7), Silent(), 0.001)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    assert contents[0] == contents[1]


@pytest.mark.realdata
def test_the_real_samples() -> None:
    data = Path(os.environ["FACEBENCH_DATA"])
    home = data / "AFLW2000"
    if not home.is_dir():
        pytest.skip("FACEBENCH_DATA has no AFLW2000")
    samples = read_aflw2000(data, home, AFLW2000Options())
    table, beyond = within_limit(samples)
    files = sorted(home.glob("*.mat"))
    assert len(table) + beyond == len(files)
    for row, file in zip(samples, files, strict=True):
        content = loadmat(file)
        degrees = [math.degrees(angle) for angle in content["Pose_Para"][0][:3].tolist()]
        assert [row.pitch, row.yaw, row.roll] == pytest.approx(degrees)
        dense = content["pt3d_68"]
        check_signs(dense[:2], dense[:2, 30], row.yaw, row.roll)
        image = AFLW2000().read_image(data, row.path)
        assert image.shape == (450, 450, 3)
        seen = [(x, y) for x, y in content["pt2d"].T.tolist() if x > 0]
        assert all(row.left <= x <= row.right and row.top <= y <= row.bottom for x, y in seen)
        assert 0 <= row.left < row.right < 450
        assert 0 <= row.top < row.bottom < 450
