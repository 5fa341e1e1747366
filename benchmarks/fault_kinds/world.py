"""A tiny run that takes a second, in folders of its own, and what comes of a faulty one."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PLUGIN = '''
from pathlib import Path

import pandas as pd

from facebench.task import Metric, Task, TaskInfo
from facebench.testing.networks import TwoLayers


class Squares(Task):
    """Three colours of noisy squares."""

    info = TaskInfo(
        name="squares", title="Squares", version=1, family="expression", dataset="Squares",
        licence="none", obtain="Written by the benchmark.", layout="train/0_1.png",
        folders=("squares",), protocol="classification", image_size=32,
        main_metric=Metric(name="accuracy", title="Accuracy (%)", higher_is_better=True, scale=100),
        counts={"train": 24, "test": 15}, classes=("red", "green", "blue"),
    )

    def manifest(self, root):
        files = sorted(root.glob("*/*.png"))
        return pd.DataFrame({
            "path": [file.relative_to(root).as_posix() for file in files],
            "split": [file.parent.name for file in files],
            "label": [int(file.name[0]) for file in files],
        })


class SquareNet(TwoLayers):
    pass
'''
RUN = (
    "run", "--method", "simclr", "--task", "squares", "--backbone", "squarenet",
    "--pretrain-data", "squares", "--set", "pretrain.epochs=2", "--set", "pretrain.batch_size=12",
    "--set", "pretrain.image_size=32", "--set", "pretrain.checkpoint_minutes=0",
    "--set", "probe.epochs=2", "--set", "probe.resamples=100", "--set", "extract.batch_size=16",
    "--device", "cpu", "--precision", "32", "--no-baselines",
)  # fmt: skip
LONG_AGO = 1_700_000_000  # seconds since 1970
NUMBERS = ("stages", "scores", "details", "floors", "n_test", "n_scored")


@dataclass(frozen=True)
class Outcome:
    """What came of one fault.

    Args:
        fault: What was done.
        ended: ``same`` (the same numbers as without it), ``refused`` (one line that says what is
            wrong), ``traceback``, or ``silent`` (other numbers without a word).
        said: The line, or the end of the traceback.
    """

    fault: str
    ended: str
    said: str = ""


@dataclass(frozen=True)
class Done:
    """How a command ended: exit status, output, and errors."""

    status: int
    out: str
    err: str


class World:
    """Images, a plugin, and a run that nothing disturbed.

    Args:
        root: An empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._write_inputs()
        self.calm = root / "calm"
        done = self.call(self.calm, *RUN)
        if done.status:
            raise RuntimeError(f"the run without faults failed:\n{done.err}")
        self.expected = self.numbers(self.calm)

    def _write_inputs(self) -> None:
        rng = np.random.default_rng(0)
        for split, count in (("train", 24), ("test", 15)):
            folder = self.root / "data/squares" / split
            folder.mkdir(parents=True)
            for n in range(count):
                pixels = rng.integers(0, 200, (32, 32, 3), dtype=np.uint8)
                pixels[..., n % 3] += 40
                file = folder / f"{n % 3}_{n}.png"
                Image.fromarray(pixels).save(file)
                os.utime(file, (LONG_AGO, LONG_AGO))  # digests of young files are not kept
        (self.root / "squares_plugin.py").write_text(PLUGIN, encoding="utf-8")

    def copy(self) -> Path:
        """Return a fresh copy of the undisturbed run's cache and results."""
        shutil.copytree(self.calm, self.empty())
        return self.place

    def empty(self) -> Path:
        """Return a folder that does not exist yet, in place of the last one."""
        shutil.rmtree(self.place, ignore_errors=True)
        return self.place

    @property
    def place(self) -> Path:
        """Return the folder in which faults are made, one after the other."""
        return self.root / "faulty"

    def start(self, folder: Path, *arguments: str, before: Callable[[], None] | None = None) -> int:
        """Start a command in a forked process, which has everything imported; return its id.

        Args:
            folder: Where its cache and results are.
            *arguments: The command.
            before: Called in that process, first of all.
        """
        folder.mkdir(parents=True, exist_ok=True)
        places = ("--cache", str(folder / "cache"), "--data", str(self.root / "data"))
        plugin = ("--plugin", str(self.root / "squares_plugin.py"))
        more = (*places, *plugin, "--results", str(folder / "results"))
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            for number, name in ((1, "out"), (2, "err")):
                target = self.root / f"{os.getpid()}.{name}"
                os.dup2(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
            status = _command([*arguments, *(more if arguments[0] == "run" else ())], before)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def wait(self, child: int) -> Done:
        """Return how a started command ended; a killed one has a negative status."""
        _, status = os.waitpid(child, 0)
        texts = []
        for name in ("out", "err"):
            file = self.root / f"{child}.{name}"
            texts.append(file.read_text(errors="replace") if file.exists() else "")
            file.unlink(missing_ok=True)
        return Done(os.waitstatus_to_exitcode(status), *texts)

    def call(self, folder: Path, *arguments: str, before: Callable[[], None] | None = None) -> Done:
        """Run a command to its end."""
        return self.wait(self.start(folder, *arguments, before=before))

    def numbers(self, folder: Path) -> dict[str, Any] | None:
        """Return the numbers of the result in a folder, if there is one."""
        found = list((folder / "results").glob("*/*.json"))
        if not found:
            return None
        record = json.loads(found[0].read_text(encoding="utf-8"))
        whole = {name: record[name] for name in NUMBERS}
        return {**whole, "leaks": record["task"]["leaks"], "count": len(found)}

    def judged(self, fault: str, done: Done, folder: Path) -> Outcome:
        """Return what came of a run after a fault."""
        if done.status == 0:
            same = self.numbers(folder) == self.expected
            return Outcome(fault, "same" if same else "silent", done.err.strip()[-200:])
        last = done.err.strip().splitlines()[-1:] or [""]
        kind = "refused" if done.status == 2 and "Traceback" not in done.err else "traceback"
        return Outcome(fault, kind, last[0])

    def run_again(self, fault: str, folder: Path) -> Outcome:
        """Run the command on what a fault left."""
        return self.judged(fault, self.call(folder, *RUN), folder)


def _command(arguments: list[str], before: Callable[[], None] | None) -> int:
    """Run the command line in this process; return its exit status."""
    import traceback

    from facebench.cli import app

    os.environ["COLUMNS"] = "400"
    try:
        if before is not None:
            before()
        app(arguments, standalone_mode=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def import_everything() -> None:
    """Import what a run needs, so that a forked process starts at once."""
    import importlib

    import torch

    torch.set_num_threads(1)
    for name in (
        "facebench.api.runs", "facebench.pipeline.stages",
        "facebench.pretrain.engine", "facebench.report.render",
        "facebench.report.board.written", "facebench.runtime.terminal", "facebench_methods.simclr",
        "pytorch_lightning", "facebench.testing.contract", "facebench.cli",
        "lightly.loss", "sklearn.model_selection", "sklearn.metrics", "imagehash",
        "pyarrow.dataset", "pyarrow.parquet", "facebench.audit.leak_search",
        "facebench.evaluation.protocols.classification",
    ):  # fmt: skip
        importlib.import_module(name)
