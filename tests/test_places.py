"""Folders that a user names: with the home folder, from words and from the environment."""

import pwd
from pathlib import Path
from typing import Any

import pytest

from facebench.api.places import data_folder, optional_path, paths
from facebench.api.words import arguments_of
from facebench.errors import SpecError
from facebench.request.arguments import open_workspace
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


def test_without_a_home_the_cache_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "FACEBENCH_CACHE"):
        monkeypatch.delenv(name, raising=False)
    assert default_cache().is_absolute()  # by the system's list of users

    def unknown(_: int) -> Any:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(SpecError, match="Name a folder with --cache or FACEBENCH_CACHE"):
        default_cache()
    monkeypatch.setenv("FACEBENCH_CACHE", "stages")
    assert default_cache() == Path("stages")


def test_the_environment_says_last_where_data_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEBENCH_DATA", str(tmp_path / "environment"))
    config = tmp_path / "run.yaml"

    def found(**words: Any) -> Path | None:
        arguments = arguments_of({"cache": tmp_path, "device": "cpu", **words}, "run")
        return open_workspace(arguments.merged()[0], arguments).data

    config.write_text("method: simclr\n")
    assert found() == found(config=config) == tmp_path / "environment"
    config.write_text(f"data: {tmp_path / 'file'}\n")
    assert found(config=config) == tmp_path / "file"
    assert found(config=config, data=tmp_path / "flag") == tmp_path / "flag"
    monkeypatch.delenv("FACEBENCH_DATA")
    assert found() is None


@pytest.mark.parametrize("name", ["data", "results", "cache"])
def test_an_empty_name_is_no_folder(name: str) -> None:
    with pytest.raises(SpecError, match=f"{name} is empty; expected a folder"):
        arguments_of({name: ""}, "run")
