"""The real FER-2013 and LFW: official counts, and the duplicates that they are known to have."""

import os
from pathlib import Path

import pytest

from facebench.audit.check import check_data
from facebench.audit.findings import Report
from facebench.progress import Silent
from facebench.registry import Registry

pytestmark = [pytest.mark.realdata, pytest.mark.nightly]  # half a minute of processor time each


def report_on(name: str, cache: Path) -> Report:
    root = Path(os.environ["FACEBENCH_DATA"])
    if not (root / name).is_dir():
        pytest.skip(f"no {name} below FACEBENCH_DATA")
    return check_data(Registry().load("task", name)(), root, cache, Silent())


def lines(report: Report, check: str) -> list[tuple[str, str]]:
    return [(f.status, f.text) for f in report.findings if f.check == check]


def test_fer2013(tmp_path: Path) -> None:
    report = report_on("fer2013", tmp_path)
    assert report.passed
    assert report.counts == {"train": 28709, "val": 3589, "test": 3589}
    assert [text.endswith("as officially") for _, text in lines(report, "classes")] == [True] * 3
    assert ("ok", "48 x 48 px: 35,887") in lines(report, "sizes")
    assert report.leaks is not None
    assert report.leaks["exact"] == 288  # PrivateTest
    assert report.leaks["val"] == {"images": 3589, "exact": 280, "near": 143, "test_in_val": 44}
    assert report.leaks["near"] == 140
    assert lines(report, "leaks")[0] == (
        "warning", "288 of 3,589 test images have a pixel-identical training image (8.0%)"
    )  # fmt: skip


def test_lfw(tmp_path: Path) -> None:
    report = report_on("lfw", tmp_path)
    assert report.passed
    assert report.counts == {"test": 13233, "pairs": 6000}
    assert ("ok", "10 folds of 300 same + 300 different") in lines(report, "pairs")
    assert ("ok", "250 x 250 px: 13,233") in lines(report, "sizes")
    assert report.leaks is not None
    assert report.leaks["exact"] == 0
    assert report.leaks["subjects"] == 0
    # Photographs that LFW holds under two names; one of the two is a false alarm.
    assert len(report.leaks["near_images"]) == 4
    assert report.leaks["near_image_pairs"] == 2
