"""The README's commands are commands: each is parsed, and run or resolved as it stands."""

import ast
import re
import shlex
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from result_world import write_result
from typer.main import get_command

import facebench as fb
import official_weights as official
from conftest import Facebench
from facebench.api import runs
from facebench.api.words import RunWords
from facebench.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
GUIDES = ("first-run", "judge", "compare", "measured")
# Made by a command before, or written by the reader.
NOT_THERE = ("pcl-released", "my-resnet", "run.yaml")


def commands_of(text: str) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [part.strip() for block in blocks for line in block.splitlines()
             for part in line.split("#")[0].split("&&")]  # fmt: skip
    return [line for line in lines if line.startswith("facebench ")]


def facebench_commands() -> list[str]:
    """Return the commands of the README, and of the guides those that name runs, methods, data."""
    found = commands_of(README)
    for name in GUIDES:
        for line in commands_of((ROOT / "docs" / f"{name}.md").read_text()):
            if line.split()[1] in ("run", "list", "data") and not any(f in line for f in NOT_THERE):
                found.append(line)
    return [*dict.fromkeys(found)]


def test_the_first_command_installs_and_runs_and_the_second_tests() -> None:
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    assert blocks[0].strip() == (
        'python -m pip install -e ".[synth]" && facebench run --method pcl --task rafdb'
    )
    assert (
        blocks[1].strip()
        == 'python -m pip install -e ".[test]" && python -m pytest -n 2 --dist worksteal'
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the weights and results that the README's commands read."""
    root = tmp_path_factory.mktemp("readme")
    torch.save(official.fill(official.pcl_encoder(), "module.encoder."), root / "best.pth")
    encoder = official.fill(official.facecycle_encoder(), "module.")
    torch.save({"codegeneration": encoder, "idcodegen": encoder}, root / "finalmodel.tar")
    torch.save(timm.create_model("resnet18").state_dict(), root / "weights.pth")
    teacher = timm.create_model("vit_small_patch16_224", num_classes=0).state_dict()
    prefixed = {f"backbone.{name}": tensor for name, tensor in teacher.items()}
    torch.save({"teacher": prefixed}, root / "dino.pth")
    for seed in (0, 1):
        write_result(root / "results/runs", "classification", seed=seed)
    return root


@pytest.fixture
def names(folder: Path, plugin: Path) -> dict[str, str]:
    """Return what there is for a name that stands for a file or a method of the reader's own."""
    first, second = (str(path) for path in sorted(folder.glob("results/runs/*/*.json")))
    return {
        "A.json": first, "B.json": second, "results/runs/rafdb/NAME.json": first,
        "my_method.py": str(plugin), "mine": "simclr",
    }  # fmt: skip


@pytest.mark.parametrize("line", facebench_commands())
def test_every_command_does_what_is_said(
    line: str,
    facebench: Facebench,
    folder: Path,
    names: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Run on small files, or as a dry run; what needs datasets or hours is parsed alone."""
    resolved: list[Any] = []

    def note(run: Any, *_: Any) -> None:
        resolved.append(run.spec)

    monkeypatch.setattr(runs, "open_stages", note)  # opens no data
    monkeypatch.setattr(runs, "plan", lambda stages: ())
    monkeypatch.chdir(folder)
    arguments = [names.get(word, word) for word in shlex.split(line)[1:]]
    match arguments:
        case ["run", *words]:
            wanted = ["--synthetic=missing", "--dry-run"]  # the data folder has only the task tiny
            facebench(*arguments, *(word for word in wanted if word not in words))
            assert {spec.method for spec in resolved} >= asked(words, "method")
            assert {spec.task for spec in resolved} == asked(words, "task")
        case ["list", "methods"]:
            assert "pcl" in facebench(*arguments).stdout
        case ["list", "options", name]:
            assert f"{name}.temperature" in facebench(*arguments).stdout
        case ["data", "list"]:
            assert "fer2013" in facebench(*arguments).stdout
        case ["data", "info", name]:
            assert name in facebench(*arguments).stdout.lower()
        case ["ablate"]:
            assert "table5" in facebench(*arguments).stdout
        case ["table" | "leaderboard", *words]:
            facebench(*arguments)
            assert (folder / value_of(words, "--out")).stat().st_size > 0
        case ["compare", _, _]:
            assert "95 % interval" in facebench(*arguments).stdout
        case ["results", "validate", _]:
            assert "2 results are valid" in facebench(*arguments).stdout
        case ["show", _]:
            assert "test items" in facebench(*arguments).stdout
        case ["import", *_]:
            assert "matched" in facebench(*arguments).stdout
        case (
            [
                "verify"
                | "evaluate"
                | "show-input"
                | "disentangle"
                | "publish"
                | "check"
                | "sweep"
                | "new",
                *_,
            ]
            | ["ablate", _, *_]
            | ["figure", "curves" | "reconstructions", *_]
            | ["data", "check" | "synth" | "get", _, *_]
        ):
            assert_parsed(arguments)
        case _:
            pytest.fail(f"nothing is checked of `{line}`: add it to this test")


def asked(words: list[str], kind: str) -> set[str]:
    """Return the methods or tasks that a command names; those of facebench for ``all``."""
    named = set(value_of(words, f"--{kind}").split(","))
    if named != {"all"}:
        return named
    built_in = {path.stem for path in (ROOT / f"{kind}s").glob("[a-z]*.py")}
    # A vision transformer's method, and weights that have to be given, are no part of all.
    return built_in - {"mae", "frozen", "imported"}


def value_of(words: list[str], flag: str) -> str:
    return words[words.index(flag) + 1]


def assert_parsed(arguments: list[str]) -> None:
    """Parse a command, and find each of its words among the values of its parameters."""
    command: Any = get_command(app)
    words = list(arguments)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    with command.make_context(command.name, list(words)) as parsed:
        values = [
            str(getattr(value, "value", value))
            for given in parsed.params.values()
            for value in (given if isinstance(given, (list, tuple)) else [given])
        ]
    flags = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)}
    for word in words:
        assert word in (flags if word.startswith("--") else values), word


@pytest.mark.parametrize("line", facebench_commands())
def test_every_command_and_option_exists(line: str) -> None:
    """Parsed, not run; an option or argument that does not exist is a usage error."""
    assert_parsed(shlex.split(line)[1:])


@pytest.mark.parametrize(
    ("document", "calls"), [("README.md", 4), ("docs/api.md", 7), ("docs/judge.md", 1)]
)
def test_what_python_calls_in_a_document_exists(document: str, calls: int) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 8
    owners: dict[str, object] = {"fb": fb, "results": fb.Results, "results[0]": fb.Result}
    words = {"fb.run": set(RunWords.__annotations__),
             "fb.evaluate": set(signature(fb.evaluate).parameters)}  # fmt: skip
    called = 0
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in owners:
            called += 1
            assert hasattr(owners[ast.unparse(node.value)], node.attr), node.attr
        if isinstance(node, ast.Call) and ast.unparse(node.func) in words:
            assert {word.arg for word in node.keywords} <= words[ast.unparse(node.func)]
    assert called == calls


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_documented_method_keeps_the_contract(facebench: Facebench, tmp_path: Path) -> None:
    text = (ROOT / "docs/plugins.md").read_text()
    code, options = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(options, "docs/plugins.md", "exec"), {"__name__": "mine_options"})
    file = tmp_path / "my_method.py"
    file.write_text(code)
    assert "ok: a step is repeatable" in facebench("check", "mine", "--plugin", str(file)).stdout
