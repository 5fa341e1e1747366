"""Folders that a user names: with the home folder, from words and from the environment."""

from pathlib import Path

import pytest

from facebench.api.places import data_folder, optional_path, paths
from facebench.runtime.workspace import default_cache


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FACEBENCH_DATA", "~/data")
    monkeypatch.setenv("FACEBENCH_CACHE", "~/cache")
    assert data_folder(None) == tmp_path / "data"
    assert data_folder("~/other") == tmp_path / "other"
    assert default_cache() == tmp_path / "cache"
    assert paths(["~/a.py", "b.py"]) == (tmp_path / "a.py", Path("b.py"))
    assert optional_path("") is None
    assert optional_path("~no-such-user/x") == Path("~no-such-user/x")
