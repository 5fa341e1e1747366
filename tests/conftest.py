"""Fixtures: a task of coloured squares, a two-layer backbone, and temporary folders."""

import functools
import gc
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest
import typer.main
import typer.testing
from PIL import Image
from tiny_tasks import tiny_folder
from typer.testing import CliRunner, Result

from facebench.cli import app

if TYPE_CHECKING:
    from facebench.results.store import Result as StoredResult

# The consoles of facebench.runtime.terminal read it once, whichever test imports them first.
os.environ["COLUMNS"] = "200"

IN_PARALLEL = "PYTEST_XDIST_WORKER" in os.environ
if IN_PARALLEL:  # a core for each test process, and for those that it starts
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The command line is put together once, and not at each call of a test.
vars(typer.testing)["_get_command"] = functools.cache(typer.main.get_command)

# How long an example takes says nothing about what is tested, and much about the machine.
hypothesis.settings.register_profile("facebench", deadline=None)
hypothesis.settings.load_profile("facebench")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect the tests without garbage collection, which takes a third of the time.

    What the imports leave stays to the end of the process, so it is not looked through again.
    """
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.fixture(autouse=True)
def _no_prompt() -> Iterator[None]:
    """A shell of IPython leaves a prompt, which says that this process is a console."""
    yield
    for name in ("ps1", "ps2"):
        vars(sys).pop(name, None)


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Python's own handler of SIGINT, which is ignored in background processes of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


PLUGIN = '''
import time
from pathlib import Path

import pandas as pd

from facebench.backbones import Backbone
from facebench.testing.networks import TwoLayers
from facebench.errors import DataError
from facebench.task import Metric, Task, TaskInfo


class Tiny(Task):
    """Three colours of noisy squares; ``train`` and ``test`` folders of ``<label>_<n>.png``."""

    info = TaskInfo(
        name="tiny", title="Tiny", version=1, family="expression", dataset="Tiny",
        licence="none", obtain="Written by the tests.", layout="train/0_1.png",
        folders=("tiny",), protocol="classification", image_size=32,
        main_metric=Metric(
            name="accuracy", title="Accuracy (%)", higher_is_better=True, scale=100
        ),
        counts={"train": 96, "test": 48}, classes=("red", "green", "blue"),
    )

    def manifest(self, root):
        files = sorted(root.glob("*/*.png"))
        if not files:
            raise DataError(f"Tiny: found no images below {root}; expected train/0_1.png.")
        return pd.DataFrame(
            {
                "path": [file.relative_to(root).as_posix() for file in files],
                "split": [file.parent.name for file in files],
                "label": [int(file.name[0]) for file in files],
            }
        )


class TinyNet(TwoLayers):
    pass
'''


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a single-file plugin with the task ``tiny`` and the backbone ``tinynet``."""
    file = tmp_path_factory.mktemp("plugin") / "tiny_plugin.py"
    file.write_text(PLUGIN)
    return file


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder that holds the images of ``tiny``."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for split, count in (("train", 96), ("test", 48)):
        (root / "tiny" / split).mkdir(parents=True)
        for n in range(count):
            pixels = rng.integers(0, 200, (32, 32, 3), dtype=np.uint8)
            pixels[..., n % 3] += 40
            Image.fromarray(pixels).save(root / "tiny" / split / f"{n % 3}_{n}.png")
    return root


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache in which a stand-in is rendered once for all tests; none may change it.

    Test processes share it: ``open_dataset`` renders under a file lock.
    """
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if IN_PARALLEL else folder) / "stand-ins"


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> "dict[str, StoredResult]":
    """Return a result of every protocol, judged once for all tests; none may change them."""
    from result_world import KINDS, write_result  # here, since it imports torch

    root = tmp_path_factory.mktemp("written")
    return {kind: write_result(root, kind) for kind in KINDS}


@pytest.fixture
def tiny_faces(tmp_path: Path) -> Path:
    """Return the folder of the dataset that ``tiny_tasks.Tiny`` reads, below a data folder."""
    return tiny_folder(tmp_path)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute here as in one of two processes on two cores: sums are split among threads."""
    import torch  # here, since OMP_NUM_THREADS is read when it is imported

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _is_left_out(item: pytest.Item) -> bool:
    return any(mark.name in ("nightly", "distributed") for mark in item.iter_markers())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start with the longest tests, so that two processes end together; skip without data.

    A test that reads real datasets is skipped where there are none. Tests marked ``nightly`` or
    ``distributed`` run only where ``-m`` names them, or another mark that they have.
    """
    if not re.search(r"(?<!not )\b(nightly|realdata|wheel|distributed)\b", config.option.markexpr):
        config.hook.pytest_deselected(items=[item for item in items if _is_left_out(item)])
        items[:] = [item for item in items if not _is_left_out(item)]
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if not os.environ.get("FACEBENCH_DATA"):
        for item in items:
            if item.get_closest_marker("realdata"):
                item.add_marker(pytest.mark.skip(reason="FACEBENCH_DATA is not set"))


Facebench = Callable[..., Result]


@pytest.fixture
def facebench(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Facebench:
    """Run the command line in folders of its own and check its exit status."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(tmp_path, data).items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str, status: int = 0) -> Result:
        done = CliRunner().invoke(app, list(arguments))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.stderr or done.stdout
        return done

    return call


def environment(folder: Path, data: Path) -> dict[str, str]:
    """Return the environment of a command: its own cache, the tiny data, a wide terminal."""
    return os.environ | {
        "FACEBENCH_DATA": str(data), "FACEBENCH_CACHE": str(folder / "cache"), "COLUMNS": "200",
        "NO_COLOR": "1",
    }  # fmt: skip
