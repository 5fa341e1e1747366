"""Each option is declared once, and help is shown without loading what commands need."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from facebench import cli
from facebench.cli import app, options
from facebench.cli.command import command
from facebench.cli.options import Judging, Learning, Machine, Places, run_arguments, words
from facebench.errors import SpecError
from facebench.request.arguments import RunArguments
from facebench.runtime.kept_values import keep

FILES = sorted(Path(inspect.getfile(cli)).parent.glob("*.py"))

# Flags that are said of several things: how many. Every other flag has one declaration.
MEANINGS = {
    "--by": 2,  # column to colour by, unit of compute
    "--checkpoint": 2,  # weights to evaluate; where the weights of a result are
    "--count": 3,  # faces, queries, mistakes
    "--dry-run": 2,  # of what is computed, of what is removed
    "--format": 4,  # of a table, of the leaderboard, of an export, of figures
    "--key": 2,  # secret, to sign; public, to check signatures
    "--into": 3,  # folder of results, of a results repository, of a new package
    # sheet, figure, figures, table, pages, numbers, checkpoint, data (two ways), export
    "--out": 10,
    "--preset": 2,  # of learning and evaluating, of evaluating alone
    "--results": 3,  # written, read, those whose stages are kept
    "--seed": 5,  # of probes, of learning, of faces, of a projection, of queries
    "--set": 3,  # of a run, of a model that is evaluated, of its preprocessing
    "--synthetic": 2,  # results on rendered faces, faces rendered for a run
    "--task": 5,  # of a run, a sweep, a model that is evaluated, a report; whose images are shown
}


def declared(group: typer.Typer) -> Iterator[tuple[str, Any]]:
    """Yield flag (or name of an argument) and declaration of each parameter of each command."""
    for found in group.registered_commands:
        assert found.callback is not None
        for parameter in inspect.signature(found.callback).parameters.values():
            (information,) = parameter.annotation.__metadata__
            if isinstance(information, typer.models.ArgumentInfo):
                yield parameter.name, information
                continue
            # The first flag stands in ``default`` until typer copies the declaration.
            given = [information.default, *(information.param_decls or ())]
            flags = [flag for flag in given if isinstance(flag, str)]
            yield (flags or [f"--{parameter.name.replace('_', '-')}"])[0], information
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from declared(inner.typer_instance)


def parameters(group: Any) -> Iterator[Any]:
    for inner in getattr(group, "commands", {}).values():
        yield from inner.params
        yield from parameters(inner)


def test_the_same_flag_comes_from_the_same_declaration() -> None:
    declarations: dict[str, dict[int, str]] = defaultdict(dict)
    for flag, information in declared(app):
        if flag.startswith("--"):
            declarations[flag.split("/")[0]][id(information)] = information.help
    flags = {p.opts[0] for p in parameters(get_command(app)) if p.param_type_name == "option"}
    assert set(declarations) == flags - {"--help"}  # nothing was overlooked
    for flag, found in declarations.items():
        assert len(found) == MEANINGS.get(flag, 1), (flag, found)
        assert len(set(found.values())) == len(found), (flag, found)


def test_the_same_argument_comes_from_the_same_declaration() -> None:
    declarations: dict[str, set[int]] = defaultdict(set)
    for _, information in declared(app):
        declarations[information.help].add(id(information))
    assert {text: len(found) for text, found in declarations.items() if len(found) > 1} == {}
    assert len(declarations) > 50


def calls(name: str) -> Iterator[ast.Call]:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
                yield node


def test_no_help_text_is_written_twice() -> None:
    written = [
        ast.unparse(keyword.value)
        for name in ("typer.Option", "typer.Argument")
        for call in calls(name)
        for keyword in call.keywords
        if keyword.arg == "help"
    ]
    assert len(written) == sum(len(list(calls(f"typer.{n}"))) for n in ("Option", "Argument"))
    assert len(set(written)) == len(written)


def test_no_command_hands_on_its_local_variables() -> None:
    assert not list(calls("locals"))


@pytest.mark.parametrize("line", ["--help", "run --help", "figure --help", "sweep --help"])
def test_help_loads_nothing_heavy(line: str) -> None:
    code = (
        f"import sys; sys.argv = ['facebench', *{line.split()!r}]\n"
        "from facebench.cli import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = ('torch', 'pandas', 'numpy', 'scipy', 'sklearn', 'rich', 'facebench_methods')\n"
        "print('LOADED', sorted({m.split('.')[0] for m in sys.modules} & set(heavy)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: facebench" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_help_shows_defaults_in_brackets() -> None:
    shown = CliRunner().invoke(app, ["run", "--help"]).stdout
    assert "[default: results/runs]" in " ".join(shown.split())


def help_texts(group: Any) -> Iterator[str]:
    """Yield what the help of a command and of all below it says."""
    yield group.help or ""
    for parameter in group.params:
        yield getattr(parameter, "help", None) or ""
    for inner in getattr(group, "commands", {}).values():
        yield from help_texts(inner)


def test_help_says_evaluate_and_baseline() -> None:
    texts = list(help_texts(get_command(app)))
    assert len(texts) > 200
    assert sum("evaluate" in text.lower() for text in texts) > 5
    assert [text for text in texts if re.search(r"\bjudg|\bfloors?\b", text, re.IGNORECASE)] == []


# Groups -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    width: Annotated[int, typer.Option(help="In pixels.")] = 3
    height: Annotated[int, typer.Option(help="In pixels, too.")] = 4


def small_app(seen: list[Any]) -> typer.Typer:
    small = typer.Typer()

    @small.command()
    @command
    def draw(*, name: Annotated[str, typer.Argument()], size: Size, dark: bool = False) -> None:
        """Draw a thing."""
        if dark:
            raise SpecError("found dark; expected light. Switch it on.")
        seen.append((name, size))

    return small


def test_a_group_becomes_options_and_comes_back_as_an_object() -> None:
    seen: list[Any] = []
    runner = CliRunner()
    assert runner.invoke(small_app(seen), ["a", "--height", "9"]).exit_code == 0
    assert runner.invoke(small_app(seen), ["b"]).exit_code == 0
    assert seen == [("a", Size(3, 9)), ("b", Size())]
    assert "Draw a thing." in runner.invoke(small_app(seen), ["--help"]).stdout


def test_a_mistake_of_the_user_is_one_line_and_status_2() -> None:
    done = CliRunner().invoke(small_app([]), ["a", "--dark"])
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_options_that_have_their_default_are_not_given() -> None:
    assert words(Places(), Machine(), Learning(), Judging()) == {}
    assert words(Judging(limit=0, baselines=False), Machine(device="cpu")) == {
        "limit": 0, "baselines": False, "device": "cpu",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], {}),
        (["--baselines"], {"baselines": True}),
        (["--floors"], {"baselines": True}),
        (["--no-baselines"], {"baselines": False}),
        (["--no-floors"], {"baselines": False}),
        (["--no-floors", "--baselines"], {"baselines": True}),  # the last one holds, as of one flag
    ],
)
def test_baselines_and_floors_are_two_names_of_one_flag(
    flags: list[str], said: dict[str, bool]
) -> None:
    seen: list[RunArguments] = []
    small = typer.Typer()

    @small.command()
    @command
    def draw(judging: Judging) -> None:
        seen.append(run_arguments("run", judging))

    assert CliRunner().invoke(small, flags, catch_exceptions=False).exit_code == 0
    assert [arguments.given() for arguments in seen] == [said]


def test_the_first_name_that_help_shows_is_baselines() -> None:
    shown = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "140"}).stdout
    assert -1 < shown.find("--baselines") < shown.find("--floors")
    assert "--no-baselines" in shown


def test_options_are_those_of_a_run_in_python(tmp_path: Path) -> None:
    found = run_arguments(
        "run", Learning(settings=["pcl.temperature=0.07"]), Judging(limit=3, force=True),
        Places(cache=tmp_path, data=tmp_path), method="pcl", task="",
    )  # fmt: skip
    assert found.given() == {"method": "pcl", "limit": 3, "data": tmp_path}
    assert found.settings["pcl.temperature"].where == "--set pcl.temperature=0.07"
    assert (found.cache, found.force, found.devices) == (tmp_path, True, 1)


def test_what_a_command_keeps_is_in_the_cache_that_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path / "default"))
    held = typer.Typer()

    @held.command()
    @command
    def direct(cache: options.Cache = None) -> None:
        keep("of one", b"value")

    @held.command()
    @command
    def grouped(places: Places) -> None:
        keep("of a group", b"value")

    for name, cache in (("direct", "a"), ("grouped", "b")):
        given = [name, "--cache", str(tmp_path / cache)]
        assert CliRunner().invoke(held, given, catch_exceptions=False).exit_code == 0
    monkeypatch.delenv("FACEBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert CliRunner().invoke(held, ["direct"], catch_exceptions=False).exit_code == 0
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"a/scores/of one", "b/scores/of a group", "xdg/facebench/scores/of one"}
