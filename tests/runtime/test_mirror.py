"""Copies at a URL: whole or none, checked, and enough for a machine that has nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from conftest import Facebench
from facebench.errors import SpecError, StageError
from facebench.runtime.mirror import Mirror

URL = "memory://mirror"
HOSTILE = ["../outside.txt", "/etc/outside.txt", "a/../../outside.txt", "a\\b", ""]


@pytest.fixture
def files() -> Iterator[fsspec.AbstractFileSystem]:
    """Return the file system of the URL, empty before and after."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    yield memory
    memory.store.clear()


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    folder = tmp_path / "features" / "0123"
    (folder / "below").mkdir(parents=True)
    (folder / "values.npy").write_bytes(bytes(range(256)) * 40)
    (folder / "below" / "record.json").write_text("{}")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    inside = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in inside}


@pytest.mark.usefixtures("files")
def test_a_folder_comes_back_as_it_was(stage: Path, tmp_path: Path) -> None:
    mirror = Mirror(URL)
    assert not mirror.has("features/0123")
    assert not mirror.take_folder("features/0123", tmp_path / "none")
    mirror.give_folder("features/0123", stage)
    assert mirror.take_folder("features/0123", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(stage)
    assert contents(tmp_path) == {
        **{f"features/0123/{name}": value for name, value in contents(stage).items()},
        **{f"again/{name}": value for name, value in contents(stage).items()},
    }  # nothing temporary is left


def test_a_copy_without_its_manifest_is_none_and_is_completed(
    files: fsspec.AbstractFileSystem, stage: Path, tmp_path: Path
) -> None:
    """As a writer leaves it that was killed; half an object is written again, too."""
    Mirror(URL).give_folder("features/0123", stage)
    files.rm("/mirror/features/0123.json")
    half, whole = files.ls("/mirror/objects", detail=False)
    files.pipe_file(half, files.cat_file(half)[:1])
    before = files.modified(whole)
    assert not Mirror(URL).take_folder("features/0123", tmp_path / "again")
    Mirror(URL).give_folder("features/0123", stage)
    assert files.modified(whole) == before  # the other one is not sent again
    assert Mirror(URL).take_folder("features/0123", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(stage)


def test_what_was_damaged_gets_no_name_in_the_cache(
    files: fsspec.AbstractFileSystem, stage: Path, tmp_path: Path
) -> None:
    Mirror(URL).give_folder("features/0123", stage)
    largest = max(files.ls("/mirror/objects"), key=lambda found: found["size"])["name"]
    files.pipe_file(largest, b"x" + files.cat_file(largest)[1:])
    with pytest.raises(StageError, match="damaged"):
        Mirror(URL).take_folder("features/0123", tmp_path / "again")
    files.rm(largest)
    with pytest.raises(StageError, match=r"objects/.*the same command goes on"):
        Mirror(URL).take_folder("features/0123", tmp_path / "again")
    assert [path.name for path in tmp_path.iterdir()] == ["features"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_manifest_names_no_file_outside_its_folder(
    files: fsspec.AbstractFileSystem, tmp_path: Path, name: str
) -> None:
    listed = {"format": 1, "files": {name: {"bytes": 0, "sha256": "0" * 64}}}
    files.pipe_file("/mirror/features/0123.json", json.dumps(listed).encode())
    with pytest.raises(StageError, match="names the file"):
        Mirror(URL).take_folder("features/0123", tmp_path / "again")
    with pytest.raises(StageError, match="names the file"):
        Mirror(URL).take_files("features/0123", tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_no_manifest_is_named(files: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    for text in ("[", "{}", '{"format": 2, "files": {}}'):
        files.pipe_file("/mirror/features/0123.json", text.encode())
        with pytest.raises(StageError, match=r"features/0123.json: no manifest"):
            Mirror(URL).take_folder("features/0123", tmp_path / "again")


def test_a_url_that_nothing_opens_is_refused() -> None:
    with pytest.raises(SpecError, match=r"--cache-mirror nosuch://bucket: .*Expected a URL"):
        Mirror("nosuch://bucket")


class Buckets(MemoryFileSystem):  # type: ignore[misc]
    protocol = ("s3",)


def test_a_bucket_that_is_not_there_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """s3fs would make it when something is put there, whatever its name was meant to be."""
    buckets = Buckets()
    monkeypatch.setattr(Mirror, "_opened", lambda _: (buckets, "bucket/facebench"))
    with pytest.raises(SpecError, match="s3://bucket/facebench: found no bucket bucket"):
        Mirror("s3://bucket/facebench")
    buckets.mkdir("/bucket")
    assert not Mirror("s3://bucket/facebench").has("features/0123")
    buckets.rmdir("/bucket")


def measured(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*/*.*")}


@pytest.mark.parametrize("url", [URL, "file://{folder}/mirror"])
@pytest.mark.usefixtures("files")
def test_a_machine_with_nothing_takes_all_from_the_mirror(
    facebench: Facebench, tmp_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    run = [
        "run", "--method", "simclr", "--task", "tiny", "--backbone", "tinynet", "--no-floors",
        "--pretrain-data", "tiny", "--plugin", str(plugin), "--set", "pretrain.epochs=1", "--set",
        "pretrain.batch_size=24", "--set", "pretrain.image_size=32", "--set", "probe.epochs=2",
    ]  # fmt: skip
    mirror = ["--cache-mirror", url.format(folder=tmp_path)]
    facebench(*run, "--results", "here")  # what was made before there was a mirror is given, too
    facebench(*run, "--results", "here", *mirror)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("facebench.pretrain.engine.train", never)
    monkeypatch.setattr("facebench.pipeline.stages.extract", never)
    monkeypatch.setattr("facebench.pipeline.stages.judge", never)
    facebench(*run, "--results", "there", "--cache", "other", *mirror)
    assert len(measured(tmp_path / "here")) == 2
    assert measured(tmp_path / "there") == measured(tmp_path / "here")
    kinds = {path.parent.name for path in (tmp_path / "other").glob("*/*[0-9a-f]")}
    assert {"checkpoints", "features"} <= kinds
