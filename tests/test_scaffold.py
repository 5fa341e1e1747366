"""``facebench new`` writes packages that pass their own tests, ours, and the contract."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Facebench

KINDS = ["method", "task"]
FILES = {"pyproject.toml", "README.md", "facebench_my_own.py", "test_facebench_my_own.py"}


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["z", "a_name_of_thirty_characters_12"])
def test_a_new_package_is_well_formed(
    facebench: Facebench, tmp_path: Path, kind: str, name: str
) -> None:
    shown = facebench("new", kind, name).stdout
    folder = tmp_path / f"facebench-{name.replace('_', '-')}"
    assert f"wrote {folder.name}" in shown
    assert {path.name.replace(name, "my_own") for path in folder.iterdir()} == FILES
    assert len((folder / f"facebench_{name}.py").read_text().splitlines()) < 80
    run("ruff", "check", "--config", "pyproject.toml", ".", folder=folder)
    run("ruff", "format", "--check", "--config", "pyproject.toml", ".", folder=folder)
    for line in (folder / "README.md").read_text().splitlines():
        assert "$" not in line


@pytest.mark.wheel
@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_own_tests(
    facebench: Facebench, tmp_path: Path, kind: str
) -> None:
    facebench("new", kind, "my_own", "--into", str(tmp_path / "mine"))
    folder = tmp_path / "mine/facebench-my-own"
    assert "2 passed" in run("pytest", "-q", "-p", "no:cacheprovider", folder=folder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["method", pytest.param("task", marks=pytest.mark.nightly)])
def test_an_installed_package_is_listed_checked_and_run(
    facebench: Facebench, tmp_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    facebench("new", kind, "my_own")
    pip = ("pip", "--quiet", "--disable-pip-version-check")
    source, site = tmp_path / "facebench-my-own", tmp_path / "site"
    run(*pip, "install", "--no-build-isolation", "--no-deps", "--target", str(site), str(source),
        folder=tmp_path)  # fmt: skip
    monkeypatch.syspath_prepend(site)
    monkeypatch.setitem(sys.modules, "facebench_my_own", None)  # is put back, so the next is read
    del sys.modules["facebench_my_own"]
    listed = facebench("list", f"{kind}s").stdout
    (line,) = [line for line in listed.splitlines() if "my_own" in line]
    assert "facebench-my-own 0.1.0" in line
    checked = facebench("check", "my_own").stdout
    quick = ["--backbone", "tinynet", "--plugin", str(plugin), "--no-floors", "--set",
             "probe.epochs=3"]  # fmt: skip
    learn = ["--pretrain-data", "tiny", "--set", "pretrain.epochs=1", "--set",
             "pretrain.batch_size=16", "--set", "pretrain.image_size=32"]  # fmt: skip
    if kind == "method":
        assert "ok: a step is repeatable" in checked
        shown = facebench("run", "--method", "my_own", "--task", "tiny", *quick, *learn).stdout
        assert "MyOwn" in shown
    else:
        assert "ok: its images read as uint8 RGB" in checked
        shown = facebench("run", "--method", "random", "--task", "my_own", "--limit", "20",
                          "--synthetic", "missing", *quick).stdout  # fmt: skip
        assert "MyOwn (version 1), SYNTHETIC" in shown


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("backbone", "mine", "unknown kind 'backbone'"),
        ("method", "MyMethod", "the name is 'MyMethod'; expected lower snake case"),
        ("method", "my-method", "lower snake case"),
        ("method", "_mine", "lower snake case"),
        ("method", "my__method", "lower snake case"),
        ("method", "2d", "lower snake case"),
        ("method", "é", "lower snake case"),
        ("method", "../mine", "lower snake case"),
        ("method", "m" * 31, "at most 30 characters"),
        ("method", "pcl", "the method 'pcl' exists, from facebench"),
        ("method", "lfw", "the task 'lfw' exists"),
        ("task", "timm", "the backbone 'timm' exists"),
        ("method", "probe", "'probe' has a meaning already"),
        ("task", "none", "'None' has a meaning already"),
        ("method", "flip", "'Flip' has a meaning already"),
        ("task", "task", "'Task' has a meaning already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    facebench: Facebench, tmp_path: Path, kind: str, name: str, message: str
) -> None:
    assert message in facebench("new", kind, name, status=2).stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_left_alone(facebench: Facebench, tmp_path: Path) -> None:
    kept = tmp_path / "facebench-mine" / "kept"
    kept.parent.mkdir()
    kept.write_text("kept")
    assert "facebench-mine: exists" in facebench("new", "method", "mine", status=2).stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]
