"""What plugins say about themselves, read without importing them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from facebench.registry import Plugin, PluginKind, Registry
from facebench.request.descriptions import declared, description, option_names
from facebench.task import NoOptions

MINE = """
from dataclasses import dataclass
from facebench.method import Method, MethodInfo

@dataclass(frozen=True)
class MineOptions:
    width: int = 3

class Mine(Method):
    \"\"\"Learns nothing.\"\"\"

    info = MethodInfo(name="mine", title="Mine", version=1, paper="none", year=2026)
    Options = MineOptions
"""


@pytest.mark.parametrize("name", Registry().names("task"))
def test_what_a_task_declares_is_what_is_imported(name: str) -> None:
    registry = Registry()
    said, info = declared(registry.find("task", name)), registry.load("task", name).info
    assert (said["name"], said["title"], said["version"]) == (name, info.title, info.version)
    assert said.get("classes", ()) in ((), info.classes)
    assert ("classes" in said) == (name in ("fer2013", "rafdb"))  # BU-3DFE's are computed


@pytest.mark.parametrize(
    ("kind", "name"),
    [*(("task", name) for name in Registry().names("task")), ("method", "hog"), ("method", "pcl")],
)
def test_names_of_options_are_those_of_the_class(kind: PluginKind, name: str) -> None:
    registry = Registry()
    names = option_names(registry.find(kind, name))
    if names is None:  # it has none of its own
        assert registry.load(kind, name).Options is NoOptions
    else:
        assert names == {field.name for field in fields(registry.load(kind, name).Options)}


def test_addresses_of_a_method_are_read() -> None:
    registry = Registry()
    info = registry.load("method", "hog").info
    said = declared(registry.find("method", "hog"))
    assert said["paper_url"] == info.paper_url == "https://doi.org/10.1109/CVPR.2005.177"
    assert declared(registry.find("method", "pcl"))["code_url"] == "https://github.com/DreamMr/PCL"


def test_every_published_method_has_an_address() -> None:
    registry = Registry()
    said = [declared(plugin) for plugin in registry.plugins("method")]
    without = {one["name"] for one in said if "paper_url" not in one}
    assert without <= {"drml", "frozen", "imported", "random", "supervised"}


def test_no_description_has_the_marks_of_a_docstring() -> None:
    registry = Registry()
    texts = [description(p) for kind in get_args(PluginKind) for p in registry.plugins(kind)]
    assert any("layer3_1" in text for text in texts)
    assert not [text for text in texts if "`" in text]


def test_nothing_is_imported_for_it() -> None:
    program = (
        "import sys\n"
        "from facebench.registry import Registry\n"
        "from facebench.request.descriptions import declared\n"
        "for kind in ('method', 'task'):\n"
        "    assert all(declared(plugin) for plugin in Registry().plugins(kind))\n"
        "print('torch' in sys.modules, 'facebench_methods' in sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.split() == ["False", "False"], found.stderr


def test_a_plugin_in_a_file_is_described(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    plugin = Registry((file,)).find("method", "mine")
    assert description(plugin) == "Learns nothing."
    assert declared(plugin)["year"] == 2026
    assert option_names(plugin) == frozenset({"width"})


def test_a_file_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    plugin = Plugin("method", "mine", f"{file}:Mine", "file", digest="d" * 64)
    assert (declared(plugin), description(plugin)) == ({}, "")
    assert option_names(plugin) is None
    file.write_text("class Mine(:\n")
    assert (declared(plugin), description(plugin)) == ({}, "")
