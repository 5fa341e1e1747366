"""What ``import facebench`` has: all that the commands do, documented, and quick to import."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import facebench as fb
from facebench.cli import app
from facebench.config.options import CONFIG_KEYS, OLD_KEYS

# Command -> what does the same in Python.
FUNCTIONS = {
    "ablate": "run_ablation",
    "cache check": "check_cache",
    "cache list": "list_cache",
    "cache prune": "prune_cache",
    "check": "check_plugin",
    "compare": "compare",
    "data check": "check_data",
    "data get": "download_data",
    "data info": "task_info",
    "data list": "list_data",
    "data synth": "write_stand_in",
    "disentangle": "measure_factors",
    "doctor": "doctor",
    "evaluate": "evaluate",
    "figure actions": "draw_actions",
    "figure all": "draw_all",
    "figure compute": "draw_compute",
    "figure confusion": "draw_confusion",
    "figure critical": "draw_critical",
    "figure curves": "draw_curves",
    "figure det": "draw_det",
    "figure disentanglement": "draw_factors",
    "figure features": "draw_features",
    "figure forest": "draw_forest",
    "figure labels": "draw_labels",
    "figure mistakes": "draw_mistakes",
    "figure neighbours": "draw_neighbours",
    "figure probe": "draw_probe",
    "figure ranks": "draw_ranks",
    "figure reconstructions": "draw_reconstructions",
    "figure roc": "draw_roc",
    "figure yaw": "draw_yaw",
    "import": "import_weights",
    "leaderboard": "Results.leaderboard",
    "list": "list_plugins",
    "new": "new_plugin",
    "publish": "publish",
    "results key": "new_signing_key",
    "results sign": "sign_results",
    "results verify": "verify_signatures",
    "results export": "Results.to_long_frame",
    "results merge": "merge",
    "results submit": "submit",
    "results rescore": "rescore",
    "results validate": "validate",
    "run": "run",
    "show": "load_results",
    "show-input": "show_input",
    "sweep": "run_sweep",
    "table": "Results.table",
    "verify": "verify",
    "zoo info": "zoo_info",
    "zoo list": "list_zoo",
}
MISSING: frozenset[str] = frozenset()  # commands that Python cannot do; may only shrink


@pytest.mark.wheel
@pytest.mark.nightly  # .ci/run has it among the tests of the wheel
def test_importing_loads_neither_torch_nor_a_plugin() -> None:
    code = (
        "import sys, facebench as fb\n"
        "dir(fb), fb.__version__, fb.Task, fb.TaskInfo, fb.FacebenchError\n"
        "fb.list_plugins('methods')\n"
        "heavy = ('torch', 'pandas', 'timm', 'pydantic', 'facebench_methods')\n"
        "print([m for m in heavy if m in sys.modules])\n"
        "fb.Method, fb.Backbone, fb.MethodInfo, fb.run\n"
        "import facebench.pipeline.stages, facebench.report.tables.compare\n"
        "print(callable(fb.run), callable(fb.compare), 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True True True"]


def test_no_module_takes_the_place_of_a_function() -> None:
    """Importing ``facebench.NAME`` would set the package's attribute of that name."""
    for name in fb.__all__:
        root = Path(inspect.getfile(fb)).parent
        assert not (root / f"{name}.py").exists()
        assert not (root / name).is_dir()


@pytest.mark.wheel
def test_the_stub_names_what_there_is_and_everything_says_what_it_is() -> None:
    stub = ast.parse(Path(inspect.getfile(fb)).with_suffix(".pyi").read_text())
    (listed,) = [node.value for node in stub.body if isinstance(node, ast.Assign)]
    assert sorted(ast.literal_eval(listed)) == sorted(fb.__all__)
    for name in fb.__all__:
        assert inspect.getdoc(getattr(fb, name)), name


def commands(command: Any, name: str = "") -> Iterator[str]:
    if not hasattr(command, "commands"):
        yield name
        return
    for key, inner in command.commands.items():
        yield from commands(inner, f"{name} {key}".strip())


def test_whatever_a_command_does_python_can_do() -> None:
    assert {*FUNCTIONS, *MISSING} == set(commands(get_command(app)))
    assert not MISSING & set(FUNCTIONS)
    for command, name in FUNCTIONS.items():
        found: Any = fb
        for part in name.split("."):
            found = getattr(found, part)
        said = " ".join((inspect.getdoc(found) or "").split())
        assert f"``facebench {command}``" in said, name


def test_run_takes_the_words_of_the_command() -> None:
    known = set(inspect.signature(fb.run).parameters)
    assert set(CONFIG_KEYS) <= known
    assert known >= set(OLD_KEYS)
    known -= set(OLD_KEYS)
    options = {parameter.name for parameter in get_command(app).commands["run"].params}  # type: ignore[attr-defined]
    renamed = {"set_": "settings", "plugin": "plugins"}
    of_terminal = {"dry_run", "verbose"}  # fb.dry_run; logging is the program's own
    assert {renamed.get(name, name) for name in options - of_terminal} | {"progress"} == known


def test_a_name_that_does_not_exist_gets_the_nearest_one() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'comparr'\. Did you mean 'compare'\?"):
        fb.comparr  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(fb, "_nothing")
    assert not hasattr(fb, "qqqqqqqqq")
