"""A cache that is listed, checked and pruned; results keep what they need."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from stored_world import classes, write
from typer.testing import CliRunner

import facebench as fb
from conftest import Facebench
from facebench.cli import app
from facebench.errors import UnknownNameError
from facebench.evaluation.store import FeatureWriter
from facebench.runtime.kept_values import keep, kept

UNUSED = "d" * 16  # key of a store that no result needs


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, Path]:
    """Return a cache with two feature stores, and a folder with a result of one of them."""
    result = write(tmp_path / "results", classes([True, True, False, True]))
    cache = tmp_path / "cache"
    for key in (result.record.stages.features, UNUSED):
        with FeatureWriter(cache / "features" / key, (4, 3), "float32") as store:
            store.append(np.ones((4, 3), np.float32), [])
            store.finish({"seconds": 0.5, "images": 4, "dim": 3})
    left = cache / "features" / ".x.json.abc.tmp"
    left.write_text("{")
    os.utime(left, (time.time() - 7200,) * 2)
    (cache / "features" / ".young.json.abc.tmp").write_text("{")  # may be under way
    (cache / "features" / "e.partial").mkdir()
    return cache, tmp_path / "results"


def test_it_is_listed_with_what_results_need(world: tuple[Path, Path]) -> None:
    cache, results = world
    entries = fb.list_cache(cache, results=[results])
    kinds = [(entry.kind, entry.needed) for entry in entries]
    assert sorted(kinds) == [
        ("features", False), ("features", True), ("left over", False), ("unfinished", False)
    ]  # fmt: skip
    assert all(entry.bytes > 48 for entry in entries if entry.kind == "features")


def test_pruning_removes_leftovers_and_nothing_that_is_needed(world: tuple[Path, Path]) -> None:
    cache, results = world
    (gone,) = fb.prune_cache(cache, results=[results])
    assert gone.path.name == ".x.json.abc.tmp"
    assert not gone.path.exists()
    wanted = {"kinds": ["features"], "results": [results]}
    assert not fb.prune_cache(cache, older_than=1, **wanted)  # type: ignore[arg-type]
    assert not fb.prune_cache(cache, larger_than=10**6, **wanted)  # type: ignore[arg-type]
    (shown,) = fb.prune_cache(cache, dry_run=True, **wanted)  # type: ignore[arg-type]
    assert shown.path.exists()
    with FileLock(cache / "features" / f"{UNUSED}.lock"):
        assert not fb.prune_cache(cache, **wanted)  # type: ignore[arg-type]
    (gone,) = fb.prune_cache(cache, **wanted)  # type: ignore[arg-type]
    assert gone.path.name == UNUSED
    (last,) = fb.prune_cache(cache, needed=True, **wanted)  # type: ignore[arg-type]
    assert last.needed
    with pytest.raises(UnknownNameError, match="Did you mean 'features'"):
        fb.prune_cache(cache, kinds=["feature"])


def test_pruning_says_how_many_stages_it_keeps_for_results(world: tuple[Path, Path]) -> None:
    cache, results = world
    prune = ["cache", "prune", "--kind", "features", "--cache", str(cache), "--results"]
    assert UNUSED in CliRunner().invoke(app, [*prune, str(results)]).stdout
    said = " ".join(CliRunner().invoke(app, [*prune, str(results)]).stdout.split())
    assert "Stored results need 1, which --needed removes, too" in said
    assert [entry.kind for entry in fb.list_cache(cache)].count("features") == 1


def test_many_kept_scores_take_one_row_of_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("FACEBENCH_CACHE", str(cache))
    for number in range(30):
        keep(f"{number:032x}", b"12345")
    one, each = (
        CliRunner().invoke(app, ["cache", "list", "--cache", str(cache), *more]).stdout
        for more in ([], ["--kind", "scores"])
    )
    assert "30 entries" in one
    assert len(one.splitlines()) < 12 < len(each.splitlines())
    refused = CliRunner().invoke(app, ["cache", "list", "--cache", str(cache), "--kind", "score"])
    assert refused.exit_code == 2
    done = CliRunner().invoke(app, ["cache", "prune", "--cache", str(cache)])
    assert "nothing to remove" in done.stdout


def test_scores_that_are_kept_go_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: tuple[Path, Path]
) -> None:
    cache, _ = world
    monkeypatch.setenv("FACEBENCH_CACHE", str(cache))
    for key in ("a" * 32, "b" * 32):
        keep(key, b"scores of " + key.encode())
    others = {entry.path for entry in fb.list_cache(cache) if entry.kind != "scores"}
    prune = ["cache", "prune", "--kind", "scores"]
    assert "2 entries" in CliRunner().invoke(app, [*prune, "--dry-run"]).output
    assert kept("a" * 32) == b"scores of " + b"a" * 32
    done = CliRunner().invoke(app, prune)
    assert (done.exit_code, "2 entries" in done.output) == (0, True)
    assert (kept("a" * 32), kept("b" * 32)) == (None, None)
    left = fb.list_cache(cache)
    assert not [entry for entry in left if entry.kind == "scores"]
    assert others <= {entry.path for entry in left}


def rot(store: Path) -> None:
    """Change a byte of features as a failing disk does, without another stamp."""
    with (store / "features.npy").open("r+b") as stream:
        stream.seek(-4, os.SEEK_END)
        stream.write(b"\x00\x00\x00\x01")
    status = (store / "features.npy").stat()
    stamp = [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    (store / "checked.json").write_text(json.dumps({"features.npy": stamp}))


def test_a_check_reads_what_a_stamp_vouches_for(world: tuple[Path, Path]) -> None:
    cache, _ = world
    assert not fb.check_cache(cache)
    store = cache / "features" / UNUSED
    rot(store)
    ((folder, reason),) = fb.check_cache(cache)
    assert folder == store
    assert "features.npy: changed since it was written" in reason
    done = CliRunner().invoke(app, ["cache", "check", "--cache", str(cache)])
    assert done.exit_code == 1
    assert "features.npy" in done.output


def test_a_run_reads_what_a_stamp_vouches_for_if_it_is_asked_to(
    facebench: Facebench, tmp_path: Path, plugin: Path
) -> None:
    arguments = [
        "run", "--method", "random", "--task", "tiny", "--backbone", "tinynet", "--plugin",
        str(plugin), "--no-floors", "--set", "probe.epochs=2", "--cache", str(tmp_path / "cache"),
        "--force",
    ]  # fmt: skip
    facebench(*arguments, "--verify-cache")  # nothing is damaged
    (store,) = (tmp_path / "cache" / "features").glob("*[0-9a-f]")
    rot(store)
    facebench(*arguments)  # a stamp is trusted
    said = facebench(*arguments, "--verify-cache", status=2).stderr
    assert f"{store / 'features.npy'}: changed since it was written" in said
