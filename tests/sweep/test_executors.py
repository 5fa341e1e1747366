"""Executors: what is asked of them is checked, and each gives the results of one process."""

import json
import logging
import shutil
import socket
import sys
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from conftest import Facebench
from facebench.errors import FacebenchError, StageError
from facebench.runtime.terminal import Once, gathered_warnings
from facebench.sweep.executors import protocol
from facebench.sweep.executors.attempt import attempt
from facebench.sweep.executors.choice import Choice
from facebench.sweep.executors.common_folder import check_identity, identity
from facebench.sweep.executors.processes import visible_gpus
from facebench.sweep.executors.protocol import Ended, execute
from facebench.sweep.executors.ray_tasks import check_answers
from facebench.sweep.executors.slurm import read_settings

SWEEP = """
method: random
task: tiny
backbone: tinynet
device: cpu
precision: "32"
floors: false
pretrain: {image_size: 32}
probe: {epochs: 5, resamples: 100}
grid: {extract.pool: [flatten, mean]}
"""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"executor": "rai"}, "Did you mean 'ray'"),
        ({"executor": "local", "jobs": 2}, "computes one run at a time"),
        ({"jobs": 0}, "--jobs is 0; expected a whole number of 1 to"),
        ({"gpus_per_run": 1}, "--gpus-per-run is an option of --executor ray and slurm"),
        ({"executor": "slurm", "ray_address": "auto"}, "--ray-address is an option of"),
        ({"executor": "ray", "slurm": ("partition=gpu",)}, "--slurm is an option of"),
        ({"executor": "slurm", "slurm": ("partion=gpu",)}, "in --slurm. Did you mean 'partition'?"),
        ({"executor": "slurm", "slurm": ("cluster=locl",)}, "Did you mean 'local'? Known: debug"),
        ({"executor": "ray", "cpus_per_run": 0}, "--cpus-per-run is 0"),
        ({"executor": "ray", "gpus_per_run": float("nan")}, "--gpus-per-run is nan"),
    ],
)
def test_what_an_executor_cannot_do_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(FacebenchError) as error:
        Choice(**given)
    assert message in str(error.value)


def test_an_address_where_no_cluster_is_gives_an_error_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # taken, and no process listens
        address = f"127.0.0.1:{free.getsockname()[1]}"
        for written in (address, f"ray://{address}"):
            with pytest.raises(FacebenchError, match="^RAY_ADDRESS .*nothing answers .*refused"):
                check_answers(written, "RAY_ADDRESS")
    check_answers("auto", "--ray-address")  # for Ray to find


def test_several_jobs_are_processes_and_gpus_make_the_device_cuda() -> None:
    assert [Choice(jobs=jobs).name for jobs in (None, 1, 2)] == ["local", "local", "processes"]
    assert Choice(executor="ray").device("auto") == "cpu"
    assert Choice(executor="ray", gpus_per_run=0.5).device("auto") == "cuda"
    assert Choice(jobs=2).device("auto") == "auto"
    with pytest.raises(FacebenchError, match="--device cpu"):
        Choice(executor="slurm", gpus_per_run=1).device("cpu")


def test_processes_take_the_visible_gpus_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert visible_gpus(torch.device("cuda")) == ["2", "5"]
    assert visible_gpus(torch.device("cuda:1")) == ()
    assert visible_gpus(torch.device("cpu")) == ()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert visible_gpus(torch.device("cuda")) == ["0", "1", "2"]


def test_a_cache_of_the_same_name_on_another_machine_is_found(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    first = identity(here)
    assert identity(here) == first
    check_identity(here, first)
    with pytest.raises(StageError, match="is not the cache of the machine that started"):
        check_identity(there, first)
    identity(there)
    with pytest.raises(StageError, match="is not the cache of the machine that started"):
        check_identity(there, first)


def test_options_of_submitit_are_read_by_their_type() -> None:
    read = read_settings(["partition=gpu", "timeout_min=720", "exclusive=true"])
    assert read == {"partition": "gpu", "timeout_min": 720, "exclusive": True}
    with pytest.raises(FacebenchError, match="expected KEY=VALUE"):
        read_settings(["partition"])


def measured(folder: Path) -> dict[str, Any]:
    records = [json.loads(path.read_text()) for path in folder.glob("*/*.json")]
    return {r["stages"]["result"]: [r["stages"], r["scores"], r["details"]] for r in records}


def test_results_of_a_machine_that_shares_no_folder_come_from_the_mirror(
    facebench: Facebench, tmp_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cache and result of a run are gone when it has ended, as those of another machine are."""
    ended: list[Path] = []

    def elsewhere(*arguments: Any) -> Ended:
        found = attempt(*arguments)
        assert found.result is not None
        ended.append(found.result)
        for suffix in (".json", ".parquet"):
            found.result.with_suffix(suffix).unlink()
        shutil.rmtree(tmp_path / "cache")
        return found

    (tmp_path / "sweep.yaml").write_text(SWEEP)
    sweep = ["sweep", "sweep.yaml", "--plugin", str(plugin)]
    facebench(*sweep, "--results", "alone", "--cache", "one")
    monkeypatch.setattr("facebench.sweep.executors.local.attempt", elsewhere)
    sweep += ["--results", "far", "--cache", "cache"]
    done = facebench(*sweep, status=1)
    assert "not to be seen on this machine" in done.stderr
    ended.clear()
    facebench(*sweep, "--cache-mirror", f"file://{tmp_path / 'mirror'}")
    assert len(ended) == 2
    assert measured(tmp_path / "far") == measured(tmp_path / "alone")


@pytest.mark.usefixtures("one_thread")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # submitit's: logs that stay open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("cluster", ["debug", pytest.param("local", marks=pytest.mark.nightly)])
def test_jobs_of_a_queue_give_the_results_of_one_process(
    facebench: Facebench, tmp_path: Path, plugin: Path, cluster: str
) -> None:
    pytest.importorskip("submitit")
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    sweep = ["sweep", "sweep.yaml", "--plugin", str(plugin)]
    facebench(*sweep, "--results", "alone", "--cache", "one")
    expected = measured(tmp_path / "alone")
    assert len(expected) == 2
    queue = ["--executor", "slurm", "--slurm", f"cluster={cluster}", "--jobs", "2"]
    done = facebench(*sweep, "--results", "queue", "--cache", "two", *queue)
    assert "[2/2]" in done.stderr
    assert measured(tmp_path / "queue") == expected
    wrong = facebench(*sweep, *queue, "--slurm", "partitoin=gpu", "--force", status=2)
    assert "unknown option 'partitoin' in --slurm. Did you mean 'partition'?" in wrong.stderr


class Finished:
    """An executor whose runs have ended before they are given to it."""

    places = 2

    def submit(self, planned: Any) -> Future[Ended]:
        future = Future[Ended]()
        future.set_result(Ended(error="as asked", warnings=("12 images are unreadable", planned)))
        return future

    def close(self) -> None:
        pass


def test_what_processes_warn_of_is_said_by_the_sweep_once_for_each_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Once())
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    log = logging.getLogger("facebench.test")
    with gathered_warnings() as gathered:
        for message in ("b", "a", "b"):
            log.warning("%s is odd", message)
        log.error("an error")
    assert list(gathered) == ["b is odd", "a is odd"]
    log.warning("after")
    assert capsys.readouterr().err == "an error\nafter\n"
    runs = ["of one", "of another"]
    schedule = SimpleNamespace(
        take=lambda: runs.pop() if runs else None, finish=lambda *_, **__: []
    )
    monkeypatch.setattr(protocol, "_settled", lambda planned, ended, *_: [(planned, ended.error)])
    outcomes: list[Any] = list(execute(schedule, Finished(), None))  # type: ignore[arg-type]
    assert sorted(outcomes) == [("of another", "as asked"), ("of one", "as asked")]
    said = capsys.readouterr().err.splitlines()
    assert sorted(said) == ["12 images are unreadable", "of another", "of one"]
