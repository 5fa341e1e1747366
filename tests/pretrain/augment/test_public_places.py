"""Augmentations are found where the guide says, and where plugins written before it find them."""

import importlib

import pytest


@pytest.mark.parametrize("module", ["crops", "transforms"])
def test_the_place_of_before_has_the_same_classes(module: str) -> None:
    before = importlib.import_module(f"facebench.pretrain.{module}")
    now = importlib.import_module(f"facebench.pretrain.augment.{module}")
    own = {n for n, v in vars(now).items() if getattr(v, "__module__", "") == now.__name__}
    assert set(before.__all__) == {name for name in own if name[0].isupper()}
    assert all(getattr(before, name) is getattr(now, name) for name in before.__all__)
