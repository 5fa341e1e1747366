"""``facebench --version``."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from facebench import __version__
from facebench.cli import app

PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())


@pytest.mark.wheel
def test_the_version_is_that_of_the_project() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0
    assert done.stdout == f"facebench {PYPROJECT['project']['version']}\n"
    assert __version__ == PYPROJECT["project"]["version"]


def test_the_version_is_shown_before_anything_else_is_done() -> None:
    done = CliRunner().invoke(app, ["--version", "run", "--method", "nothing"])
    assert (done.exit_code, done.stdout.split()[0]) == (0, "facebench")
