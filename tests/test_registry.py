"""Finding plugins: entry points, files, clashes, and modules that listing does not import."""

import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facebench import registry as registry_module
from facebench.errors import PluginError, SpecError, UnknownNameError
from facebench.installed import Registered, registered
from facebench.registry import Registry

PLUGIN = """
from facebench.method import Method, MethodInfo

class Mine(Method):
    info = MethodInfo(
        name="mine", title="Mine", version=1, paper="none", year=2026, needs="nothing"
    )
"""


def points(*entries: tuple[str, str, str]) -> Any:
    """Return a stand-in for what is installed: (name, target, distribution)."""

    def registered(group: str) -> Iterator[Registered]:
        if group == "facebench.methods":
            for name, target, owner in entries:
                yield Registered(name, target, f"{owner} 1.0")

    return registered


@pytest.mark.wheel
def test_built_ins_come_in_through_entry_points() -> None:
    registry = Registry()
    assert {"pcl", "simclr", "random"} <= set(registry.names("method"))
    assert {"fer2013", "rafdb", "lfw"} <= set(registry.names("task"))
    assert {"facecycle16", "timm"} <= set(registry.names("backbone"))
    assert registry.find("method", "pcl").owner.startswith("facebench ")


@pytest.mark.wheel
@pytest.mark.parametrize(
    "command", ["list methods", "list tasks", "list backbones", "--help", "--version"]
)
def test_listing_imports_neither_torch_nor_a_plugin(command: str) -> None:
    code = (
        f"import sys; sys.argv = ['facebench', *{command.split()!r}]\n"
        "from facebench.cli import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = [m for m in sys.modules if m.split('.')[0] in "
        "('torch', 'timm', 'pandas', 'facebench_methods', 'facebench_tasks')]\n"
        "print('HEAVY', heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("HEAVY []")


@pytest.mark.wheel
@pytest.mark.nightly  # import-linter checks the statements; this one what they cause
def test_the_core_imports_no_plugin() -> None:
    code = (
        "import pkgutil, importlib, sys, facebench\n"
        "for m in pkgutil.walk_packages(facebench.__path__, 'facebench.'):\n"
        "    importlib.import_module(m.name)\n"
        "print([m for m in sys.modules if m.startswith(('facebench_methods', 'facebench_tasks'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_installed_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    group = "facebench.methods"
    before = registered(group)
    folder = tmp_path / "late-2.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 2.1\n")
    (folder / "entry_points.txt").write_text(f"[{group}]\nlate = late:Late\n")
    assert set(registered(group)) == {*before, Registered("late", "late:Late", "late 2.1")}
    assert Registry().find("method", "late").owner == "late 2.1"
    shutil.rmtree(folder)
    assert registered(group) == before


def test_an_unknown_name_gets_the_nearest_and_the_list() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'simclr'\? Known: .*pcl"):
        Registry().load("method", "simcrl")


def test_two_owners_of_one_name_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [("a", "x:A", "one"), ("a", "y:A", "two"), ("b", "z:B", "three")]
    monkeypatch.setattr(registry_module, "registered", points(*entries))
    registry = Registry()
    with pytest.raises(PluginError, match=r"one 1\.0 \(x:A\) and two 1\.0 \(y:A\)"):
        registry.find("method", "a")
    assert registry.find("method", "b").owner == "three 1.0"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_module:A", "broken 1.0 cannot be imported"),
        ("facebench.errors:FacebenchError", "a subclass of facebench.method:Method was expected"),
    ],
)
def test_a_broken_plugin_names_its_distribution(
    monkeypatch: pytest.MonkeyPatch, target: str, message: str
) -> None:
    monkeypatch.setattr(registry_module, "registered", points(("a", target, "broken")))
    with pytest.raises(PluginError, match=message):
        Registry().load("method", "a")


def test_a_plugin_that_ends_the_process_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "exiting_plugin.py"
    file.write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(PluginError, match=r"exiting_plugin\.py: ImportError: it calls exit\(3\)"):
        Registry((file,))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry_module, "registered", points(("a", "exiting_plugin:A", "broken")))
    with pytest.raises(PluginError, match=r"broken 1\.0 cannot be imported .* exit\(3\)"):
        Registry().load("method", "a")


def test_a_single_file_is_a_plugin(tmp_path: Path) -> None:
    file = tmp_path / "my_method.py"
    file.write_text(PLUGIN)
    registry = Registry((file,))
    assert registry.load("method", "mine").info.title == "Mine"
    plugin = registry.find("method", "mine")
    assert plugin.owner == "file"
    file.write_text(PLUGIN + "# changed\n")
    assert Registry((file,)).find("method", "mine").digest != plugin.digest


@pytest.mark.parametrize(
    "names", [("own.py", "a/own.py"), ("a-b.py", "a.b.py"), ("own.v2.py", "b.py")]
)
def test_plugins_in_files_of_like_names_can_be_pickled(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    files = tuple(tmp_path / name for name in names)
    for title, file in zip(("first", "second"), files, strict=True):
        file.parent.mkdir(exist_ok=True)
        file.write_text(PLUGIN.replace("mine", title))
    registry = Registry(files)
    for title in ("first", "second"):
        found = registry.load("method", title)
        assert found.info.name == title
        assert pickle.loads(pickle.dumps(found)) is found


@pytest.mark.parametrize(
    ("content", "message"),
    [("x = 1", "holds no plugin"), ("1 / 0", "ZeroDivisionError"), (None, "no such file")],
)
def test_a_file_that_is_no_plugin(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "bad.py"
    if content is not None:
        file.write_text(content)
    with pytest.raises(PluginError, match=message):
        Registry((file,))


def test_backbones_say_which_form_they_want() -> None:
    registry = Registry()
    with pytest.raises(SpecError, match="write 'timm:NAME'"):
        registry.backbone("timm")
    with pytest.raises(SpecError, match="write 'facecycle16'"):
        registry.backbone("facecycle16:large")
