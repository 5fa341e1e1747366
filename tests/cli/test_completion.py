"""Completion in the shell, asked for as bash asks for it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from facebench.cli import app, completion
from facebench.registry import Registry
from facebench.request.resolve import CORE_GROUPS

# What bash does when a word is completed; its arguments are words as bash splits them.
BASH = """
source <(facebench --show-completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_facebench_completion facebench
echo "${COMPREPLY[*]}"
"""


def completed(line: str) -> list[str]:
    """Return what bash suggests for the last word of a line."""
    words = shlex.split(line) if not line.endswith(" ") else [*shlex.split(line), ""]
    environment = {
        "_FACEBENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    return CliRunner().invoke(app, prog_name="facebench", env=environment).stdout.split()


def test_methods_and_tasks_are_suggested() -> None:
    assert completed("facebench run --method sim") == ["simclr", "simsiam"]
    assert completed("facebench run --task ") == ["all", *Registry().names("task")]
    assert completed("facebench sweep a.yaml --task raf") == ["rafdb"]
    assert completed("facebench run --backbone ti") == ["timm:"]
    assert completed("facebench run --preset ") == ["paper", "quick"]
    assert completed("facebench run --set pcl.ort") == ["pcl.orth="]


def test_what_can_be_listed_is_suggested() -> None:
    assert completed("facebench list o") == ["options"]
    assert completed("facebench list options pc") == ["pcl"]
    assert set(completion.CORE) == set(CORE_GROUPS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--set", "pcl.recipe", "=", "o"), ["official"]),
        (("--set", "pcl.recipe", "="), ["paper", "official"]),
        (("--set", "pcl.ort"), ["pcl.orth="]),
        (("--method", "=", "pc"), ["pcl"]),
        (("--backbone", "ti"), ["timm:"]),
    ],
)
def test_bash_gets_what_follows_the_place_where_it_splits_a_word(
    words: tuple[str, ...], expected: list[str], tmp_path: Path
) -> None:
    command = tmp_path / "facebench"
    command.write_text(f"#!{sys.executable}\nfrom facebench.cli import main\n\nmain()\n")
    command.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", BASH, "bash", "facebench", "run", *words],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == expected


def test_the_last_name_of_a_list_is_completed_without_those_before_it() -> None:
    assert completion.methods("simclr,sim") == ["simclr,simsiam"]
    assert completion.tasks("rafdb,") == [
        f"rafdb,{name}" for name in ("all", *Registry().names("task")) if name != "rafdb"
    ]


@pytest.mark.parametrize(
    ("incomplete", "expected"),
    [
        ("pretr", ["pretrain."]),
        ("pcl.rec", ["pcl.recipe="]),
        ("pcl.recipe=", ["pcl.recipe=paper", "pcl.recipe=official"]),
        ("pcl.orth=cos", ["pcl.orth=cosine"]),
        ("pcl.l_dis=", ["pcl.l_dis=true", "pcl.l_dis=false"]),
        ("pcl.temperature=", []),
        ("lfw.variant=", ["lfw.variant=auto"]),
        ("nothing.at", []),
        ("pcl.nothing=", []),
    ],
)
def test_settings_are_completed_step_by_step(incomplete: str, expected: list[str]) -> None:
    found = completion.settings(incomplete)
    assert found[: len(expected)] == expected
    assert bool(found) == bool(expected)
