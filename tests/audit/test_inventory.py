"""What ``facebench data list`` knows without opening an image."""

from pathlib import Path

import pytest

from facebench.audit.inventory import DatasetStatus, inventory
from facebench.errors import DataError
from facebench.registry import Registry
from facebench.synth.marker import MARKER


def entries(plugin: Path, data: Path | None) -> dict[str, DatasetStatus]:
    return {entry.name: entry for entry in inventory(Registry((plugin,)), data)}


def test_everything_is_listed_without_data(plugin: Path) -> None:
    found = entries(plugin, None)
    assert {"tiny", "fer2013", "lfw", "rafdb", "voxceleb"} <= set(found)
    assert {entry.state for entry in found.values()} == {"absent"}
    assert not found["tiny"].synthetic  # it has no stand-in
    assert found["lfw"].synthetic


def test_complete_differing_and_unreadable_data(plugin: Path, data: Path, tmp_path: Path) -> None:
    whole = entries(plugin, data)["tiny"]
    assert (whole.root, whole.synthetic, whole.state) == (data / "tiny", False, "complete")
    assert whole.text == "96 train, 48 test"
    (tmp_path / "tiny/train").mkdir(parents=True)
    assert entries(plugin, tmp_path)["tiny"].state == "unreadable"
    for split in ("train", "test"):
        (tmp_path / f"tiny/{split}").mkdir(exist_ok=True)
        (tmp_path / f"tiny/{split}/0_1.png").touch()
    part = entries(plugin, tmp_path)["tiny"]
    assert (part.state, part.text) == (
        "differs", "1 train, 1 test; officially 96 train, 48 test"
    )  # fmt: skip
    (tmp_path / "tiny" / MARKER).touch()
    assert (entries(plugin, tmp_path)["tiny"].synthetic) is True


def test_people_of_voxceleb_are_counted(plugin: Path, tmp_path: Path) -> None:
    for name in ("unzippedFaces/Ann/1.6/x", "unzippedFaces/Bo/1.6/x", "dev/mp4/id1/x"):
        (tmp_path / "VoxCeleb" / name).mkdir(parents=True)
    found = entries(plugin, tmp_path)["voxceleb"]
    assert (found.root, found.state) == (tmp_path / "VoxCeleb", "unknown")
    assert found.text.startswith("3 people")


def test_a_data_folder_that_does_not_exist_is_an_error(plugin: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        entries(plugin, tmp_path / "nowhere")
