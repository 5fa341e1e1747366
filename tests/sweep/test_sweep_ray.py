"""``--executor ray``: as it is typed, stopped by Ctrl-C, on two nodes of which one is killed."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spread_plugin
from started import Started

from conftest import Facebench
from facebench.api.sweeps import prepare_sweep
from facebench.api.words import arguments_of
from facebench.config.sweep_file import read_sweep
from facebench.sweep.executors.choice import Choice
from facebench.sweep.schedule import Schedule

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own: sockets and files that it leaves open
]

SWEEP = """
method: counted
task: tiny
backbone: tinynet
pretrain_data: tiny
device: cpu
precision: "32"
floors: false
pretrain: {epochs: 3, batch_size: 24, image_size: 32}
probe: {epochs: 30, resamples: 100}
grid:
  counted.temperature: [0.1, 0.5]
  extract.pool: [flatten, mean]
  probe.paper_lr: [0.01, 0.1]
"""
# Each step of pretraining is a line in the folder of the sweep, whichever process computes it.
COUNTED = """
from spread_plugin import Spread


class Counted(Spread):
    info = type(Spread.info)(name="counted", title="Counted", version=1, paper="none", year=2026)

    def loss(self, views, generator):
        with open("steps.txt", "a") as file:
            file.write(f"{self.options.temperature}\\n")
        return super().loss(views, generator)
"""


TOKEN = "0" * 64  # else Ray writes one into the home folder

TYPED = """
method: spread
task: tiny
backbone: tinynet
pretrain_data: tiny
device: cpu
precision: "32"
floors: false
pretrain: {epochs: EPOCHS, batch_size: 24, image_size: 32, checkpoint_minutes: 0}
probe: {epochs: 3, resamples: 100}
grid: {spread.temperature: [0.1, 0.5]}
"""


@pytest.fixture
def typed(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a command that computes two runs; ``epochs`` of pretraining are its file's to say."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    plugins = ["--plugin", str(plugin), "--plugin", spread_plugin.__file__]
    return ["sweep", "sweep.yaml", *plugins]


@pytest.mark.distributed
def test_a_sweep_as_it_is_typed_is_that_of_one_process(
    facebench: Facebench, tmp_path: Path, data: Path, typed: list[str]
) -> None:
    (tmp_path / "sweep.yaml").write_text(TYPED.replace("EPOCHS", "2"))
    facebench(*typed, "--cache", "serial", "--results", "one")
    expected = measured(tmp_path / "one")
    assert len(expected) == 2
    one_after_the_other = ["--cpus-per-run", str(os.cpu_count())]  # in a process that Ray keeps
    ray = [*typed, "--executor", "ray", *one_after_the_other]
    sweep = Started([*ray, "--results", "both"], tmp_path, data)
    assert sweep.wait(300) == 0, sweep.errors()
    assert "[2/2]" in sweep.errors()
    assert measured(tmp_path / "both") == expected


@pytest.mark.nightly
def test_ctrl_c_leaves_resume_points_and_no_process(
    tmp_path: Path, data: Path, typed: list[str]
) -> None:
    (tmp_path / "sweep.yaml").write_text(TYPED.replace("EPOCHS", "100000"))
    sweep = Started([*typed, "--executor", "ray"], tmp_path, data)
    sweep.wait_for("checkpoints/*.partial/resume.ckpt", count=2)
    assert len(sweep.children()) > 2  # Ray's own, and two that learn
    assert sweep.end(signal.SIGINT) == 130, sweep.errors()  # waits for all of them
    assert "Traceback" not in sweep.errors()
    assert sweep.errors().count("stopped by SIGINT: ") == 1
    assert len(list((tmp_path / "cache").glob("checkpoints/*.partial/resume.ckpt"))) == 2


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start a cluster of two nodes with one core each."""
    ray = pytest.importorskip("ray")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", f"{tests}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    made = cluster_utils.Cluster()
    for _ in range(2):
        made.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


def measured(folder: Path) -> dict[str, Any]:
    records = [json.loads(path.read_text()) for path in folder.glob("*/*.json")]
    return {r["stages"]["result"]: [r["stages"], r["scores"], r["details"]] for r in records}


def made(cache: Path) -> dict[Path, int]:
    """Return the finished stages, and when each was written."""
    folders = [*cache.glob("checkpoints/*"), *cache.glob("features/*")]
    return {
        f: f.stat().st_mtime_ns
        for f in folders
        if f.is_dir() and f.suffix != ".partial" and not f.name.startswith(".")
    }


@pytest.mark.distributed
def test_a_node_that_dies_half_way_changes_no_result_and_no_stage_is_made_twice(
    facebench: Facebench, tmp_path: Path, data: Path, plugin: Path, cluster: Any
) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    (tmp_path / "counted.py").write_text(COUNTED)
    plugins = [plugin, tmp_path / "counted.py"]
    flags = [text for file in plugins for text in ("--plugin", str(file))]
    facebench("sweep", "sweep.yaml", *flags, "--cache", "serial", "--results", "one")
    expected = measured(tmp_path / "one")
    steps = Counter((tmp_path / "steps.txt").read_text().split())
    assert len(expected) == 8
    assert steps == {"0.1": 3 * 4, "0.5": 3 * 4}
    (tmp_path / "steps.txt").unlink()

    prepared = prepare_sweep(
        read_sweep(tmp_path / "sweep.yaml"),
        arguments_of(
            {"plugins": plugins, "cache": tmp_path / "cache", "results": tmp_path / "both"}, "test"
        ),
        Choice(executor="ray", ray_address=cluster.address),
    )
    executor = prepared.executor()
    assert executor.places == 2
    ended, before = [], dict[Path, int]()
    for outcome in prepared.execute(Schedule(prepared.plan.runs), executor):
        ended.append(outcome)
        now = made(tmp_path / "cache")
        # Not while a node still learns: its steps since its last resume point would be taken again.
        learned = sum(folder.parent.name == "checkpoints" for folder in now)
        if not before and learned == 2 and len(ended) >= 3:
            before = now
            cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)
    assert before
    assert [outcome.error for outcome in ended] == [""] * 8
    assert measured(tmp_path / "both") == expected
    assert Counter((tmp_path / "steps.txt").read_text().split()) == steps
    after = made(tmp_path / "cache")
    assert len(after) == 2 + 4
    assert {folder: after[folder] for folder in before} == before
