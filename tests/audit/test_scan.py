"""One pass over the pixels, remembered by content."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data_world import dataset_of, squares
from facebench.audit.scan import describe, scan
from facebench.progress import Silent


def test_what_is_kept_of_an_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    seen = describe(image)
    assert (seen.height, seen.width, seen.blank, seen.error) == (5, 7, False, "")
    assert describe(image.copy()).digest == seen.digest
    assert describe(image.reshape(7, 5, 3)).digest != seen.digest  # same bytes, another shape
    other = image.copy()
    other[2, 3, 1] ^= 1
    assert describe(other).digest != seen.digest
    assert describe(np.full((4, 4, 3), 90, np.uint8)).blank


def test_files_of_another_format_are_the_same_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    for name in ("a.png", "b.bmp", "c.tif"):
        Image.fromarray(pixels).save(tmp_path / name)
    table = pd.DataFrame({"path": ["a.png", "b.bmp", "c.tif"], "split": "test"})
    assert scan(dataset_of(tmp_path, table), tmp_path / "cache", Silent())["digest"].nunique() == 1


def test_a_scan_is_made_once_and_follows_the_order_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dataset_of(tmp_path, squares(tmp_path, {"train": 6, "test": 3}))
    first = scan(dataset, tmp_path / "cache", Silent())
    monkeypatch.setattr("facebench.audit.scan.describe", None)  # not called again
    pd.testing.assert_frame_equal(scan(dataset, tmp_path / "cache", Silent()), first)
    turned = dataset_of(tmp_path, dataset.table.iloc[::-1].reset_index(drop=True))
    assert turned.fingerprint == dataset.fingerprint
    again = scan(turned, tmp_path / "cache", Silent())
    assert again["digest"].tolist() == first["digest"].tolist()[::-1]


def test_unreadable_images_are_kept_as_such_and_a_damaged_scan_is_made_again(
    tmp_path: Path,
) -> None:
    table = squares(tmp_path, {"train": 3, "test": 2})
    (tmp_path / table["path"][1]).write_bytes(b"\xff\xd8")
    dataset = dataset_of(tmp_path, table)
    seen = scan(dataset, tmp_path / "cache", Silent())
    assert (seen["error"] != "").tolist() == [False, True, False, False, False]
    assert table["path"][1] in seen["error"][1]
    (kept,) = (tmp_path / "cache/scans").iterdir()
    kept.write_bytes(b"PAR1")
    pd.testing.assert_frame_equal(scan(dataset, tmp_path / "cache", Silent()), seen)
