"""The settings of a row: chips, of which a row that stands for others has the first few."""

from __future__ import annotations

from typing import Any

import pytest
from test_leaderboard_browser import ROW, browser, visit
from test_leaderboard_rows import address, changed

pytestmark = pytest.mark.slow
__all__ = ["address", "browser", "visit"]  # fixtures

DETAIL = "crop=resized, lrs=[0.1, 0.2], l_pose=true, blur_p=0.8, 2 more"


def test_settings_are_chips(address: str, browser: Any) -> None:
    def detailed(data: Any) -> None:
        for row in data["boards"][0]["rows"]:
            row["detail"] = {"SimCLR": DETAIL, "PCL": "version=1"}.get(row["method"], "")

    with changed(browser, address, detailed) as view:
        (pcl,) = view.locator(ROW, has_text="PCL").all()
        assert pcl.locator(".setting").all_inner_texts() == ["version=1"]
        (simclr,) = view.locator(ROW, has_text="SimCLR").all()
        assert simclr.locator(".setting").all_inner_texts() == [
            "crop=resized", "lrs=[0.1, 0.2]", "4 more",
        ]  # fmt: skip
        assert simclr.locator(f'[title="{DETAIL}"]').count() == 1
        simclr.locator(".unfold").click()  # what tells the runs apart is needed now
        whole = ["crop=resized", "lrs=[0.1, 0.2]", "l_pose=true", "blur_p=0.8", "2 more"]
        runs = view.locator(ROW, has_text="SimCLR").all()
        assert [run.locator(".setting").all_inner_texts() for run in runs] == [whole] * 3
