"""Resume points that another number of devices left."""

import logging
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from facebench.pipeline import left_over
from facebench.pretrain.resume import RESUME_FILE
from facebench.runtime.workspace import Workspace


def test_the_newest_resume_point_of_other_devices_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def keys(run: Any, source: Any, counts: list[int]) -> list[str]:
        return [f"of{count}" for count in counts]

    monkeypatch.setattr(left_over, "checkpoint_keys", keys)
    nothing: Any = None
    workspace = Workspace(
        cache=tmp_path, results=tmp_path, data=None, device=torch.device("cpu"), devices=2, nodes=2
    )
    assert left_over.left_by_others(nothing, nothing, workspace) is None
    for age, count in enumerate((4, 8, 1)):  # the newest first; four are asked for
        point = tmp_path / "checkpoints" / f"of{count}.partial" / RESUME_FILE
        point.parent.mkdir(parents=True)
        point.touch()
        os.utime(point, (1e9 - age, 1e9 - age))
    with caplog.at_level(logging.WARNING):
        found = left_over.left_by_others(nothing, nothing, workspace)
    assert found == tmp_path / "checkpoints" / "of8.partial" / RESUME_FILE
    assert "goes on from what 8 devices left" in caplog.text
