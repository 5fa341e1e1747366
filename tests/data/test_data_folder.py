"""Which folder a run reads, and when rendered faces take its place."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny_tasks import Tiny, tiny_info

from facebench.data.dataset import open_dataset
from facebench.data.finding import nearest_folders, task_folder, voxceleb_folder
from facebench.errors import DataError
from facebench.runtime.workspace import StandIns


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("synthetic", ["", "missing", "always"])
def test_when_faces_are_rendered(
    tmp_path: Path, synthetic: StandIns, given: bool, there: bool
) -> None:
    root = tmp_path if given else None
    if there:
        (tmp_path / "tiny").mkdir()
        (tmp_path / "voxceleb").mkdir()
    if given and not there and synthetic == "":
        with pytest.raises(DataError, match="Tiny: found none of the folders tiny, tiny-faces"):
            task_folder(Tiny(), root, synthetic)
        with pytest.raises(DataError, match="pretraining data: found none of the folders voxceleb"):
            voxceleb_folder(root, synthetic)
        return
    read = given and there and synthetic != "always"
    assert task_folder(Tiny(), root, synthetic) == (tmp_path / "tiny" if read else None)
    assert voxceleb_folder(root, synthetic) == (tmp_path / "voxceleb" if read else None)


def test_always_leaves_real_data_alone(tiny_faces: Path, tmp_path: Path) -> None:
    data, cache = tiny_faces.parent, tmp_path / "cache"
    assert not open_dataset(Tiny(), data, cache, synthetic="missing").synthetic
    rendered = open_dataset(Tiny(), data, cache, synthetic="always")
    assert rendered.synthetic
    assert rendered.root.parent == cache / "synthetic"


def test_a_task_without_folders_is_always_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tiny, "info", tiny_info("classification", folders=()))
    assert task_folder(Tiny(), tmp_path) is None


@pytest.mark.parametrize(
    ("there", "nearest"),
    [
        (["FER2013_dataset", "lfw"], ["FER2013_dataset"]),
        (["FER 2013", "fer2014", "rafdb"], ["FER 2013", "fer2014"]),
        (["archive", "raf"], []),
    ],
)
def test_nearest_folders(tmp_path: Path, there: Sequence[str], nearest: list[str]) -> None:
    root = tmp_path / "x"
    for name in there:
        (root / name).mkdir(parents=True)
    (root / "fer2013").touch()  # a file is no folder
    assert list(nearest_folders(["fer2013", "fer-2013"], root)) == nearest


def test_the_folder_itself_may_be_the_one_with_another_name(tmp_path: Path) -> None:
    (tmp_path / "tiny_v2").mkdir()
    with pytest.raises(DataError, match=r"nearest in name: tiny_v2; .* Rename tiny_v2 to tiny"):
        task_folder(Tiny(), tmp_path / "tiny_v2")
