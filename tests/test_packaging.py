"""Installation: packages equal the tree, plugin files are registered, third-party plugins work."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {"facebench_methods": "methods", "facebench_tasks": "tasks",
           "facebench_reference": "results/reference"}  # fmt: skip


def test_packages_in_pyproject_equal_the_tree() -> None:
    listed = set(PYPROJECT["tool"]["setuptools"]["packages"])
    found = {".".join(p.parent.relative_to(ROOT).parts)
             for p in (ROOT / "facebench").rglob("__init__.py")}  # fmt: skip
    for name, folder in FOLDERS.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join([name, *init.parent.relative_to(ROOT / folder).parts]))
    assert listed == found


def test_the_top_level_is_small_and_each_package_states_its_purpose() -> None:
    assert len(list((ROOT / "facebench").glob("*.py"))) <= 16
    for init in (ROOT / "facebench").glob("*/**/__init__.py"):
        said = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
        assert "May import " in said, init


@pytest.mark.parametrize("kind", ["methods", "tasks"])
def test_every_plugin_file_has_its_entry_point(kind: str) -> None:
    files = {p.stem for p in (ROOT / kind).glob("*.py") if not p.stem.startswith("_")}
    points = PYPROJECT["project"]["entry-points"][f"facebench.{kind}"]
    assert set(points) == files
    for name, target in points.items():
        assert target.split(":")[0] == f"facebench_{kind}.{name}"


@pytest.mark.parametrize(
    ("file", "flagged"),
    [("facebench/planted.py", True), ("methods/planted.py", False), ("tests/planted.py", False)],
)
def test_ruff_forbids_the_core_to_import_a_plugin(file: str, flagged: bool) -> None:
    code = "import facebench_methods.pcl\n\nprint_me = facebench_methods\n"
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", file, "-"],
        input=code, capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert ("TID251" in done.stdout) is flagged


@pytest.mark.slow
def test_the_wheel_has_every_file_of_its_packages(tmp_path: Path) -> None:
    folders = {"facebench": "facebench", **FOLDERS}
    source = tmp_path / "source"
    for folder in folders.values():
        ignored = shutil.ignore_patterns("__pycache__", "ruff.toml")
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel",
         "--no-build-isolation", "--no-deps", "-w", str(tmp_path), "."],
        check=True, capture_output=True, cwd=source,
    )  # fmt: skip
    expected = {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for package, folder in folders.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and path.name != "ruff.toml"
        and not {"__pycache__", ".ruff_cache"} & {*path.parts}
    }
    (built,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(built).namelist() if ".dist-info/" not in name}
    assert packed == expected


THIRD_PARTY = {
    "pyproject.toml": """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "facebench-external"
version = "2.3"
[project.entry-points."facebench.methods"]
external = "facebench_external.method:External"
[project.entry-points."facebench.tasks"]
squares = "facebench_external.task:Squares"
[tool.setuptools]
packages = ["facebench_external"]
""",
    "facebench_external/__init__.py": "",
    "facebench_external/method.py": '''
"""SimCLR's head with another loss: pull views together, keep the features spread out."""

from dataclasses import dataclass

import torch
from lightly.models.modules.heads import SimCLRProjectionHead

from facebench.method import Method, MethodInfo
from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.pretrain.augment.transforms import Compose, Flip


@dataclass(frozen=True)
class Options:
    spread: float = 1.0


class External(Method):
    info = MethodInfo(name="external", title="External", version=1, paper="none", year=2026)
    Options = Options

    def __init__(self, backbone, options, image_size):
        super().__init__(backbone, options, image_size)
        self.head = SimCLRProjectionHead(self.feature_dim, 32, 16)
        self.augment = Compose((RandomResizedCrop(image_size, (0.5, 1.0)), Flip()))

    def views(self, images, generator):
        return self.augment(images, generator), self.augment(images, generator)

    def loss(self, views, generator):
        z0, z1 = (self.head(self.encode(view)).float() for view in views)
        invariance = (z0 - z1).square().mean()
        variance = sum(torch.relu(1 - z.std(dim=0)).mean() for z in (z0, z1))
        return {"L_invariance": invariance, "L_variance": self.options.spread * variance}
''',
    "facebench_external/task.py": """
from facebench.errors import DataError
from facebench.task import Metric, Task, TaskInfo


class Squares(Task):
    info = TaskInfo(
        name="squares", title="Squares", version=1, family="expression", dataset="Squares",
        licence="none", obtain="-", layout="-", folders=("squares",), protocol="classification",
        image_size=32,
        main_metric=Metric(name="accuracy", title="Accuracy", higher_is_better=True),
        counts={}, classes=("a", "b"),
    )

    def manifest(self, root):
        raise DataError(f"Squares: no images below {root}.")
""",
}


@pytest.mark.nightly  # tests/test_scaffold.py installs a method and a task in a package each
def test_a_third_party_wheel_is_listed_checked_and_run(
    tmp_path: Path, data: Path, plugin: Path
) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    for name, content in THIRD_PARTY.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(content)
    assert len(THIRD_PARTY["facebench_external/method.py"].splitlines()) < 60
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    install = ["install", "--no-build-isolation", "--no-deps", "--target", str(site), str(source)]
    subprocess.run([*pip, *install], check=True, capture_output=True)
    environment = os.environ | {
        "PYTHONPATH": str(site), "COLUMNS": "200", "FACEBENCH_DATA": str(data),
        "FACEBENCH_CACHE": str(tmp_path / "cache"),
    }  # fmt: skip

    def facebench(*arguments: str) -> str:
        command = [sys.executable, "-m", "facebench.cli", *arguments]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    for kind, name in (("methods", "external"), ("tasks", "squares")):
        (line,) = [line for line in facebench("list", kind).splitlines() if name in line]
        assert "facebench-external 2.3" in line
    assert "ok: a step is repeatable" in facebench("check", "external")
    printed = facebench(
        "run", "--method", "external", "--task", "tiny", "--backbone", "tinynet", "--plugin",
        str(plugin), "--pretrain-data", "tiny", "--set", "pretrain.epochs=2", "--set",
        "pretrain.batch_size=16", "--set", "pretrain.image_size=32", "--set", "probe.epochs=3",
    )  # fmt: skip
    assert "External" in printed
