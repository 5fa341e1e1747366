"""Getting LFW through scikit-learn, without a network."""

import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
from PIL import Image

from facebench.errors import DataError
from facebench_tasks.lfw import LFW


def archive(target: Path) -> None:
    """Write a tiny ``lfw-funneled.tgz``: the people that the pair lists name."""
    stored = BytesIO()
    Image.fromarray(np.zeros((250, 250, 3), np.uint8)).save(stored, format="jpeg")
    with tarfile.open(target, "w:gz") as tar:
        for person in ("Ann_Lee", "Bo"):
            for number in (1, 2):
                entry = tarfile.TarInfo(f"lfw_funneled/{person}/{person}_{number:04d}.jpg")
                entry.size = len(stored.getvalue())
                tar.addfile(entry, BytesIO(stored.getvalue()))


VIEW_1 = "1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo\t2\n"
VIEW_2 = "2\t1\n" + 2 * "Ann_Lee\t1\t2\nAnn_Lee\t1\tBo\t2\n"


def served(remote: Any, dirname: str, **_: Any) -> str:
    """Stand in for scikit-learn's download of one file."""
    target = Path(dirname) / remote.filename
    if target.suffix == ".tgz":
        archive(target)
    else:
        target.write_text(VIEW_2 if target.name == "pairs.txt" else VIEW_1)
    return str(target)


def unreachable(remote: Any, **_: Any) -> str:
    raise URLError("Name or service not known")


def test_what_comes_is_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.datasets._lfw._fetch_remote", served)
    home = LFW().fetch(tmp_path / "data")
    assert home == tmp_path / "data/lfw_home"
    assert home.name in LFW.info.folders
    assert len(LFW().manifest(home)) == 4
    assert len(LFW().pairs(home)) == 4
    assert not (home / "joblib").exists()
    assert [path.name for path in home.parent.iterdir()] == ["lfw_home"]
    with pytest.raises(DataError, match="lfw_home exists already"):
        LFW().fetch(tmp_path / "data")


def test_without_a_network_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.datasets._lfw._fetch_remote", unreachable)
    with pytest.raises(DataError, match=r"LFW: the download failed: URLError.*Kaggle"):
        LFW().fetch(tmp_path)
    assert not list(tmp_path.iterdir())
