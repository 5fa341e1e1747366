"""The README's commands are commands: each is parsed and resolved as it stands."""

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.main import get_command

import facebench as fb
import official_weights as official
from conftest import Facebench
from facebench.api import runs
from facebench.api.words import RunWords
from facebench.cli import app

README = (Path(__file__).parents[1] / "README.md").read_text()


def facebench_commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    lines = [part.strip() for block in blocks for line in block.splitlines()
             for part in line.split("#")[0].split("&&")]  # fmt: skip
    return [line for line in lines if line.startswith("facebench ")]


def test_the_first_command_installs_and_runs_and_the_second_tests() -> None:
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    assert blocks[0].strip() == (
        'python -m pip install -e ".[synth]" && facebench run --method pcl --task rafdb'
    )
    assert blocks[1].strip() == 'python -m pip install -e ".[test]" && python -m pytest'


@pytest.mark.parametrize("line", facebench_commands())
def test_every_command_resolves(
    line: str, facebench: Facebench, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved: list[Any] = []

    def note(spec: Any, *_: Any) -> None:
        resolved.append(spec)

    monkeypatch.setattr(runs, "open_stages", note)  # opens no data
    monkeypatch.setattr(runs, "plan", lambda stages: ())
    if "--checkpoint best.pth" in line:  # what the authors of PCL released, but for its heads
        torch.save(official.fill(official.pcl_encoder(), "module.encoder."), "best.pth")
    arguments = shlex.split(line)[1:]
    arguments = [str(plugin) if word == "my_method.py" else word for word in arguments]
    if arguments[0] == "run":
        known = [word.replace("mine", "simclr") for word in arguments]
        facebench(*known, *([] if "--dry-run" in known else ["--dry-run"]))
        assert resolved
    elif arguments[0] == "list":
        facebench(*arguments)


@pytest.mark.parametrize("line", facebench_commands())
def test_every_command_and_option_exists(line: str) -> None:
    """Parsed, not run; an option or argument that does not exist is a usage error."""
    command: Any = get_command(app)
    arguments = shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    with command.make_context(command.name, arguments) as parsed:
        assert parsed.params


def test_what_python_calls_in_the_readme_exists() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 8
    owners: dict[str, object] = {"fb": fb, "results": fb.Results, "results[0]": fb.Result}
    called = 0
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in owners:
            called += 1
            assert hasattr(owners[ast.unparse(node.value)], node.attr), node.attr
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "fb.run":
            assert {word.arg for word in node.keywords} <= set(RunWords.__annotations__)
    assert called == 7


def test_every_link_leads_to_a_file() -> None:
    root = Path(__file__).parents[1]
    for target in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        assert (root / target).exists(), target


def test_the_documented_method_keeps_the_contract(facebench: Facebench, tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs/plugins.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "my_method.py"
    file.write_text(code)
    assert "ok: a step is repeatable" in facebench("check", "mine", "--plugin", str(file)).stdout
