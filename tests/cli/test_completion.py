"""Completion in the shell, asked for as bash asks for it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest
from typer.testing import CliRunner

from facebench.cli import app, completion
from facebench.cli.zsh_words import told
from facebench.registry import Registry
from facebench.request.resolve import CORE_GROUPS

# What bash does when a word is completed; its arguments are words as bash splits them.
BASH = """
source <(facebench --show-completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_facebench_completion facebench
echo "${COMPREPLY[*]}"
"""


BOTH = ("true", "false")

# A method whose source does not say what options it has.
MADE = """
import dataclasses
from facebench.method import Method, MethodInfo

class Made(Method):
    info = MethodInfo(name="made", title="Made", version=1, paper="none", year=2026)
    Options = dataclasses.make_dataclass("MadeOptions", [("width", int, 3)], frozen=True)
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
    for group, place in completion.CORE.items():
        assert place == f"{CORE_GROUPS[group].__module__}:{CORE_GROUPS[group].__name__}"


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


@pytest.fixture
def with_command(tmp_path: Path) -> dict[str, str]:
    """An environment that has ``facebench``."""
    command = tmp_path / "facebench"
    command.write_text(f"#!{sys.executable}\nfrom facebench.cli import main\n\nmain()\n")
    command.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--set pcl.ort", "compadd -S '' -- pcl.orth="),
        ("--backbone ", "compadd -S '' -- timm:; compadd -- facecycle16 facecycle16_wide"),
        ("--preset p", """_arguments '*: :(("paper"))'\n"""),
        (
            "--precis",
            """_arguments '*: :(("--precision":"auto, 32 or bf16 [default\\\\: auto]."))'\n""",
        ),
    ],
)
def test_zsh_adds_no_space_to_what_goes_on(
    line: str, expected: str, with_command: dict[str, str]
) -> None:
    asked = {
        "_FACEBENCH_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": f"facebench run {line}"
    }  # fmt: skip
    done = subprocess.run(
        ["facebench"], env={**with_command, **asked}, capture_output=True, text=True, check=True
    )
    assert done.stdout == expected


def test_descriptions_are_whole_and_in_one_line_in_fish(with_command: dict[str, str]) -> None:
    asked = {
        "_FACEBENCH_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "facebench run --s",
    }  # fmt: skip
    done = subprocess.run(
        ["facebench"], env={**with_command, **asked}, capture_output=True, text=True, check=True
    )
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    assert set(lines) >= {"--set", "--seeds", "--synthetic"}
    assert lines["--synthetic"].endswith("of 'missing' datasets, or 'always'.")


def test_a_description_stays_in_zsh() -> None:
    typed = """_arguments '*: :(("a.":"b"\n"c"))'"""
    assert told(typed) == typed
    assert told("_files") == "_files"


# What zsh does when the first word of a session is completed, and the second.
ZSH = """
facebench --show-completion > $1/_facebench
fpath=($1 $fpath); autoload -Uz _facebench
compdef() { print registered $1 }
compadd() { print added ${@[-1]} }
words=(facebench run --set pcl.ort) CURRENT=4
_facebench; _facebench_completion
"""


@pytest.mark.skipif(which("zsh") is None, reason="needs zsh")
def test_the_first_tab_of_a_session_completes(tmp_path: Path, with_command: dict[str, str]) -> None:
    done = subprocess.run(
        ["zsh", "-f", "-c", ZSH, "zsh", str(tmp_path)],
        env=with_command, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "registered _facebench_completion", "added pcl.orth=", "added pcl.orth="
    ]  # fmt: skip


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


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("show-input --set p", ["preprocess."]),
        ("show-input --set align.k", ["align.kind="]),
        ("show-input --set preprocess.antialias=", [f"preprocess.antialias={b}" for b in BOTH]),
        ("show-input --set lfw.variant=d", ["lfw.variant=deepfunneled"]),
        ("show-input --set pcl", []),
        ("evaluate model --set pr", ["preprocess.", "probe."]),
    ],
)
def test_groups_are_those_that_a_command_takes(line: str, expected: list[str]) -> None:
    assert completed(f"facebench {line}") == expected


def test_settings_are_completed_without_torch() -> None:
    program = (
        "import sys\n"
        "from facebench.cli import completion\n"
        "for word in ('pcl.orth=', 'rafdb.', 'lfw.', 'probe.', 'preprocess.filter='):\n"
        "    completion.settings(word), completion.settings_of_input(word)\n"
        "print('torch' in sys.modules, 'numpy' in sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.split() == ["False", "False"], found.stderr


def test_options_that_a_call_makes_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "made.py"
    file.write_text(MADE)
    registry = Registry((file,))
    monkeypatch.setattr(completion, "Registry", lambda: registry)
    assert completion.settings("made.") == ["made.width="]


def test_choices_are_those_that_the_commands_take() -> None:
    """They are written at the options, since the modules that have them import for long."""
    from facebench.api.figure_folder import KINDS, OF_ALL, OF_GROUP, OF_ONE
    from facebench.config.ablations import ablation_names
    from facebench.report.board.written import FORMATS as BOARDS
    from facebench.report.figures.projection import PROJECTIONS
    from facebench.report.figures.style import WIDTHS
    from facebench.report.tables.formats import FORMATS as TABLES
    from facebench.report.tables.matched import ROWS
    from facebench.results.export import FORMATS, MODEL_CARD
    from facebench.zoo.catalogue import zoo_names

    assert completed("facebench table ") == [*"1234567", "modern"]
    assert set(completed("facebench table 1 --format ")) == set(TABLES)
    assert set(completed("facebench table 1 --rows ")) == set(ROWS)
    assert set(completed("facebench leaderboard --format ")) == set(BOARDS)
    assert set(completed("facebench results export x --format ")) == {*FORMATS, MODEL_CARD}
    assert set(completed("facebench figure confusion x --width ")) == set(WIDTHS)
    assert set(completed("facebench figure features x --projection ")) == set(PROJECTIONS)
    assert set(completed("facebench figure all x --format ")) == set(KINDS)
    assert set(completed("facebench figure all x --skip ")) == {
        "forest",
        *OF_ONE,
        *OF_ALL,
        *OF_GROUP,
    }
    assert completed("facebench figure all x --skip roc,de") == ["roc,det"]
    assert completed("facebench ablate ") == ablation_names()
    assert completed("facebench zoo info ") == list(zoo_names())
    assert completed("facebench data check raf") == ["rafdb"]
    assert completed("facebench check ti") == ["timm"]
    assert completed("facebench run --synthetic m") == ["missing"]
    assert completed("facebench run --device c") == ["cpu", "cuda"]
    assert completed("facebench run --precision b") == ["bf16"]
    assert completed("facebench run --probe k") == ["knn"]
    assert completed("facebench new m") == ["method"]
    assert completed("facebench sweep a.yaml --executor r") == ["ray"]
