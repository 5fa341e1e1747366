"""Requests that were answered before: when their answer holds, and when it does not."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conftest import PLUGIN, Facebench
from facebench.results import answers
from facebench.results.answers import request_key
from facebench.runtime import stamps
from facebench.runtime.stamps import Inputs

Answers = Callable[[], bool]  # runs; whether it was answered by words alone

RUN = ("run", "--method", "random", "--task", "tiny", "--no-floors", "--device", "cpu",
       "--set", "probe.epochs=1", "--plugin", "plugin.py", "--data", "own")  # fmt: skip

TEXT = st.text("ab=,. '\"", max_size=4)
VALUES = st.one_of(TEXT, st.lists(TEXT, max_size=3), st.integers(0, 2), st.booleans())
WORDS = st.dictionaries(st.sampled_from(sorted(answers._USUAL - {"config"})), VALUES)


@pytest.fixture
def quick(facebench: Facebench, data: Path, tmp_path: Path, monkeypatch: Any) -> Answers:
    """Return a run on data and a plugin of its own, of which an answer is kept."""
    from facebench.api import answering, runs

    # As if this process had begun when everything had been written.
    monkeypatch.setattr(answering, "_began", lambda: 2**63)
    shutil.copytree(data, tmp_path / "own")
    (tmp_path / "own" / "tiny" / "test" / "0_0.png").unlink()  # not the official count
    (tmp_path / "plugin.py").write_text(PLUGIN)
    prepared: list[object] = []
    prepare = runs.prepare_runs

    def prepare_runs(arguments: Any) -> Any:
        prepared.append(arguments)
        return prepare(arguments)

    monkeypatch.setattr(runs, "prepare_runs", prepare_runs)

    def run() -> bool:
        prepared.clear()
        facebench(*RUN)
        return not prepared

    assert not run()
    assert run()
    return run


def stored(folder: Path) -> dict[str, Any]:
    """Return the results below a folder: name to record."""
    return {
        path.stem: json.loads(path.read_text()) for path in folder.glob("results/runs/*/*.json")
    }


def test_what_a_run_says_is_said_again(quick: Answers, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    assert quick()
    assert [record.getMessage() for record in caplog.records] == [
        "Tiny: found 47 test; expected 48 officially. The numbers do not compare with published "
        "ones."
    ]


def test_a_result_that_is_missing_or_changed_is_judged_again(
    quick: Answers, tmp_path: Path
) -> None:
    (before,) = stored(tmp_path).values()
    (file,) = tmp_path.glob("results/runs/*/*.json")
    file.unlink()
    assert not quick()
    file.write_text(file.read_text().replace('"seed": 0', '"seed": 1'))
    assert not quick()
    assert quick()
    predictions = file.with_suffix(".parquet")
    predictions.write_bytes(predictions.read_bytes()[:-1] + b"\0")
    assert not quick()
    (after,) = stored(tmp_path).values()
    assert after["scores"] == before["scores"]


def test_what_it_was_computed_from_is_looked_at(quick: Answers, tmp_path: Path) -> None:
    image = tmp_path / "own" / "tiny" / "test" / "1_1.png"
    times = (image.stat().st_atime_ns, image.stat().st_mtime_ns)
    image.write_bytes((image.parent / "2_2.png").read_bytes())
    assert not quick()
    assert len(stored(tmp_path)) == 2  # the features of another image
    assert quick()
    os.utime(image, ns=times)  # says that it was not written since; that it does is seen
    assert not quick()
    (tmp_path / "plugin.py").write_text(PLUGIN.replace("version=1", "version=2"))
    assert not quick()
    versions = {result["task"]["version"]: result for result in stored(tmp_path).values()}
    assert len(stored(tmp_path)) == 3
    assert quick()
    features = versions[2]["stages"]["features"]
    shutil.rmtree(tmp_path / "cache" / "features" / features)
    assert not quick()


def test_what_is_kept_is_checked(quick: Answers, tmp_path: Path) -> None:
    (file,) = tmp_path.glob("cache/scores/request-*")
    whole = file.read_bytes()
    for damaged in (whole[:-9] + b"\0" + whole[-8:], whole[: len(whole) // 2], b""):
        file.write_bytes(damaged)
        assert not quick()
        assert quick()


@given(WORDS, WORDS)
def test_two_requests_share_no_answer(first: dict[str, Any], second: dict[str, Any]) -> None:
    assume(first != second)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "_software", list)
        patch.setattr(answers, "_machine", list)
        assert request_key(first) != request_key(second)
        assert request_key(first) == request_key(dict(reversed(first.items())))


def test_a_request_means_what_its_surroundings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("task: lfw")
    words = {"method": "pcl", "config": config}
    keys = [request_key(words)]
    config.write_text("task: ahp")
    keys.append(request_key(words))
    monkeypatch.setenv("FACEBENCH_DATA", "elsewhere")
    keys.append(request_key(words))
    monkeypatch.chdir(tmp_path)
    keys.append(request_key(words))
    (tmp_path / "new_plugin-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    keys.append(request_key(words))
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert request_key(words) == keys[-1]
    assert request_key({"config": tmp_path / "none.yaml"}) is None


@pytest.mark.parametrize(
    "word", ["checkpoint", "prefix", "force", "verify_cache", "cache_mirror", "devices", "nodes"]
)
def test_unusual_requests_take_the_long_way(word: str) -> None:
    assert request_key({"method": "pcl", word: "1"}) is None


def test_a_stamp_changes_with_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "one.txt").write_text("one")
    (tree / "below" / "up").symlink_to(tree)  # has no end
    inputs = Inputs((str(tree),), (), (str(tmp_path),))
    seen = [inputs.stamp()]

    def changed() -> bool:
        seen.append(inputs.stamp())
        return seen[-1].digest != seen[-2].digest

    assert not changed()
    (tree / "__pycache__").mkdir()
    (tree / "__pycache__" / "one.pyc").touch()
    assert not changed()
    (tree / "two.txt").touch()
    assert changed()
    (tree / "two.txt").rename(tree / "three.txt")
    assert changed()
    before = seen[-1].newest
    (tree / "three.txt").unlink()  # no file is new, and yet something has happened
    assert changed()
    assert seen[-1].newest > before
    (tmp_path / "beside").mkdir()
    assert changed()
    (tmp_path / "beside" / "file").touch()
    assert not changed()
    monkeypatch.setattr(stamps, "MOST", 2)
    inputs.stamp()  # the tree and the folder below it, and one file
    (tree / "below" / "two.txt").touch()
    with pytest.raises(ValueError, match="more than 2 files"):
        inputs.stamp()
    shutil.rmtree(tree)
    with pytest.raises(FileNotFoundError):
        inputs.stamp()
