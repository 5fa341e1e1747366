"""What the machine may do to a run: folders that are read only, a clock that goes back."""

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from facebench.errors import StageError
from facebench.evaluation import store
from facebench.evaluation.store import VALUES, FeatureWriter, read_features
from facebench.results.cache import cache_entries, prunable
from facebench.runtime import stage_record
from facebench.runtime.atomic import locked
from facebench.runtime.digests import file_digests
from facebench.runtime.stage_record import STAMPS


def features(folder: Path) -> Path:
    with FeatureWriter(folder, (6, 3), "float16") as writer:
        for row in range(6):
            writer.append(np.full((1, 3), row, dtype=np.float16), [])
        writer.finish({"seconds": 0.0, "images": 6, "dim": 3})
    return folder


def test_a_change_is_noticed_though_its_time_was_restored(tmp_path: Path) -> None:
    folder = features(tmp_path / "features")
    read_features(folder)
    file = folder / VALUES
    before = file.stat()
    with file.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"\x01")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    with pytest.raises(StageError, match="changed since it was written"):
        read_features(folder)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_folder_that_is_read_only_is_read_without_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    folder = features(tmp_path / "features")
    (folder / STAMPS).unlink()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    monkeypatch.setattr(stage_record, "atomic_write", refuse)
    with locked(tmp_path / "lock"):
        assert read_features(folder).values[5, 0] == 5
    assert not (folder / STAMPS).exists()


def test_a_lock_that_the_disk_refuses_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(OSError, match="Input/output"), locked(tmp_path / "lock"):
        pass


def test_a_clock_that_goes_back_hides_no_change_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose time lies ahead of the clock may change within the same time step."""
    file, ahead = tmp_path / "image.png", time.time_ns()
    file.write_bytes(b"one")
    os.utime(file, ns=(ahead, ahead))
    monkeypatch.setattr(time, "time_ns", lambda: ahead - 10**13)
    (first,) = file_digests(tmp_path, ["image.png"], tmp_path / "cache")
    file.write_bytes(b"two")
    os.utime(file, ns=(ahead, ahead))
    (second,) = file_digests(tmp_path, ["image.png"], tmp_path / "cache")
    assert first != second


def test_a_clock_that_goes_back_prunes_nothing_that_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features(tmp_path / "features/0123456789abcdef")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 10**7)
    entries = cache_entries(tmp_path)
    assert len(entries) == 1
    for older_than in (0.5, 1000.0):
        assert not prunable(
            entries, ["features"], older_than=older_than, larger_than=0, needed=True
        )


def test_a_clock_that_goes_back_while_features_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written in between follows no clock of the wall."""
    ticks = iter(range(10**6, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(ticks)))
    monkeypatch.setattr(store, "SECONDS_BETWEEN_MARKS", 0.0)
    values = read_features(features(tmp_path / "features")).values
    assert values[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
