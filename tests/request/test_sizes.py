"""The backbone that requests share is built once, unless it is large."""

from __future__ import annotations

import pytest

from facebench.backbones import FaceCycle16
from facebench.request import sizes
from facebench.request.sizes import shared_backbone


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "_kept", {})


def test_the_backbone_of_the_last_requests_is_kept() -> None:
    first = shared_backbone(FaceCycle16, "facecycle16")
    others = [type(f"Other{n}", (FaceCycle16,), {}) for n in range(3)]
    for other in others:
        shared_backbone(other, "other")
    assert shared_backbone(FaceCycle16, "facecycle16") is first  # and is the last one now
    shared_backbone(type("Fifth", (FaceCycle16,), {}), "fifth")
    assert (others[0], "other") not in sizes._kept
    assert shared_backbone(FaceCycle16, "facecycle16") is first


def test_a_large_one_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    count = sum(parameter.numel() for parameter in FaceCycle16().parameters())
    monkeypatch.setattr(sizes, "_KEPT_PARAMETERS", count - 1)
    first = shared_backbone(FaceCycle16, "facecycle16")
    assert shared_backbone(FaceCycle16, "facecycle16") is not first
