"""Finding, checking and fingerprinting a task's data."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_tasks import Pairs, Tiny, opened, tiny_info, write_pairs, write_tiny

from facebench.data.dataset import open_dataset
from facebench.data.stand_in import population
from facebench.errors import DataError, PluginError


def test_found_whatever_the_case_of_its_name(tiny_faces: Path) -> None:
    dataset = opened(tiny_faces)
    assert (dataset.root, dataset.synthetic, dataset.warnings) == (tiny_faces, False, ())
    assert dataset.counts == {"train": 12, "test": 6}
    assert len(dataset) == 18


def test_first_folder_name_wins(tiny_faces: Path) -> None:
    (tiny_faces.parent / "tiny").mkdir()
    write_tiny(tiny_faces.parent / "tiny")
    assert opened(tiny_faces).root == tiny_faces.parent / "tiny"


def test_data_root_may_be_the_dataset(tiny_faces: Path) -> None:
    assert open_dataset(Tiny(), tiny_faces, tiny_faces.parent.parent / "cache").root == tiny_faces


def test_parts_side_by_side_are_found_from_the_data_folder(
    tiny_faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One part is enough to look for the others: real data are never replaced in silence."""
    data, cache = tiny_faces.parent, tiny_faces.parent.parent / "cache"
    parts = (("tiny_left", "Tiny-Left"), ("tiny_right",))
    monkeypatch.setattr(Tiny, "info", tiny_info("classification", folders=("whole",), parts=parts))
    assert open_dataset(Tiny(), data, cache, synthetic="missing").synthetic
    (data / "TINY-LEFT").mkdir()
    write_tiny(data)
    dataset = open_dataset(Tiny(), data, cache)
    assert (dataset.root, dataset.synthetic) == (data, False)
    (data / "whole").mkdir()
    write_tiny(data / "whole")
    assert open_dataset(Tiny(), data, cache).root == data / "whole"


def test_missing_data_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        open_dataset(Tiny(), tmp_path / "nowhere", tmp_path / "cache")


@pytest.mark.parametrize("given", [True, False])
def test_stand_in_is_made_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given: bool
) -> None:
    data = tmp_path / "data" if given else None
    if data:
        data.mkdir()
    first = open_dataset(Tiny(), data, tmp_path / "cache", synthetic="missing")
    assert first.synthetic
    assert first.root.parent == tmp_path / "cache/synthetic"
    assert first.root.name.startswith("tiny-v1-")
    assert "SYNTHETIC" in caplog.text
    (first.root / "mark").touch()
    assert json.loads((first.root / "synthetic.json").read_text())["task"] == "tiny"
    again = open_dataset(Tiny(), data, tmp_path / "cache", synthetic="missing")
    assert (again.root / "mark").exists()
    assert again.fingerprint == first.fingerprint
    other = open_dataset(Tiny(), data, tmp_path / "cache", synthetic="missing", scale=0.5)
    assert other.root != first.root


def test_interrupted_stand_in_leaves_nothing(tmp_path: Path) -> None:
    class Interrupted(Tiny):
        def synthesise(self, root: Path, faces: Any, progress: Any, scale: float = 1.0) -> None:
            super().synthesise(root, faces, progress, scale)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_dataset(Interrupted(), None, tmp_path)
    left = [path.suffix for path in (tmp_path / "synthetic").iterdir()]
    assert left == [".lock"]


def test_rendered_faces_below_the_data_folder_stay_synthetic(tiny_faces: Path) -> None:
    (tiny_faces / "synthetic.json").touch()
    dataset = opened(tiny_faces)
    assert (dataset.root, dataset.synthetic) == (tiny_faces, True)


def test_stand_ins_share_no_people() -> None:
    names = ("rafdb", "fer2013", "lfw", "voxceleb")
    assert len({population(name) for name in names}) == len(names)


def test_differing_counts_are_loud(tiny_faces: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = pd.read_csv(tiny_faces / "list.csv")
    table.iloc[1:].to_csv(tiny_faces / "list.csv", index=False)
    dataset = opened(tiny_faces)
    assert dataset.warnings == (
        "Tiny: found 11 train; expected 12 officially. "
        "The numbers do not compare with published ones.",
    )
    assert dataset.warnings[0] in [record.getMessage() for record in caplog.records]
    assert caplog.records[0].levelno == logging.WARNING


def test_what_a_task_left_out_is_loud(
    tiny_faces: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def manifest(self: Tiny, root: Path) -> pd.DataFrame:
        table = pd.read_csv(root / "list.csv").iloc[1:]
        table.attrs["warnings"] = ["Tiny: left out 1 file"]
        return table

    monkeypatch.setattr(Tiny, "manifest", manifest)
    dataset = opened(tiny_faces)
    assert dataset.warnings[0] == "Tiny: left out 1 file"
    assert dataset.warnings[1].startswith("Tiny: found 11 train; expected 12")
    assert [record.getMessage() for record in caplog.records] == list(dataset.warnings)
    assert dataset.limit(3).warnings == (*dataset.warnings, "limited to 3 images per split")
    (tiny_faces / "synthetic.json").touch()  # official counts do not apply
    assert opened(tiny_faces).warnings == ("Tiny: left out 1 file",)


def test_pairs_have_warnings_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pairs(self: Pairs, root: Path) -> pd.DataFrame:
        table = pd.read_csv(root / "pairs.csv")
        table.attrs["warnings"] = ["Tiny: left out a pair"]
        return table

    (tmp_path / "tiny").mkdir()
    write_pairs(tmp_path / "tiny")
    monkeypatch.setattr(Pairs, "pairs", pairs)
    dataset = open_dataset(Pairs(), tmp_path, tmp_path / "cache")
    assert dataset.warnings == ("Tiny: left out a pair",)


@pytest.mark.parametrize("warnings", ["left out 1 file", [1], ("a",), None])
def test_warnings_are_a_list_of_sentences(
    tiny_faces: Path, monkeypatch: pytest.MonkeyPatch, warnings: Any
) -> None:
    def manifest(self: Tiny, root: Path) -> pd.DataFrame:
        table = pd.read_csv(root / "list.csv")
        table.attrs["warnings"] = warnings
        return table

    monkeypatch.setattr(Tiny, "manifest", manifest)
    with pytest.raises(PluginError, match=r"'tiny' breaks its contract: attrs\['warnings'\]"):
        opened(tiny_faces)


def test_folders_that_differ_in_case_are_refused(tiny_faces: Path) -> None:
    other = tiny_faces.with_name("tiny-faces")
    if other.exists():
        pytest.skip("this file system does not tell upper from lower case")
    other.mkdir()
    with pytest.raises(DataError, match="found the folders Tiny-Faces and tiny-faces"):
        opened(tiny_faces)


def test_image_is_cropped_and_resized(tiny_faces: Path) -> None:
    table = pd.read_csv(tiny_faces / "list.csv").assign(left=-2, top=0, right=2, bottom=4)
    table.to_csv(tiny_faces / "list.csv", index=False)
    image = opened(tiny_faces).image(3, 4)
    expected = np.asarray(Image.open(tiny_faces / "train3.png"))
    np.testing.assert_array_equal(image[:, 2:], expected[:4, :2])
    assert not image[:, :2].any()


# The fingerprint --------------------------------------------------------------------------------


def test_fingerprint_ignores_place_and_order(tiny_faces: Path, tmp_path: Path) -> None:
    before = opened(tiny_faces).fingerprint
    table = pd.read_csv(tiny_faces / "list.csv")
    table.iloc[::-1][["label", "split", "path"]].to_csv(tiny_faces / "list.csv", index=False)
    moved = tiny_faces.rename(tmp_path / "tiny")
    assert open_dataset(Tiny(), moved, tmp_path / "other").fingerprint == before


def test_fingerprint_follows_pixels_labels_splits_and_crops(tiny_faces: Path) -> None:
    seen = {opened(tiny_faces).fingerprint}
    image = np.array(Image.open(tiny_faces / "train3.png"))
    image[0, 0, 0] ^= 1
    Image.fromarray(image).save(tiny_faces / "train3.png")
    seen.add(opened(tiny_faces).fingerprint)
    table = pd.read_csv(tiny_faces / "list.csv")
    for changed in (
        table.assign(label=table["label"].where(table.index != 5, 0)),
        table.assign(split=table["split"].where(table.index != 5, "val")),
        table.assign(left=0, top=0, right=8, bottom=8),
        table.assign(subject="one person"),
    ):
        changed.to_csv(tiny_faces / "list.csv", index=False)
        seen.add(opened(tiny_faces).fingerprint)
    assert len(seen) == 6


def test_digests_are_remembered(tiny_faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in tiny_faces.iterdir():  # older than a file system's time step
        os.utime(file, (1_000_000_000, 1_000_000_000))
    before = opened(tiny_faces)

    def refuse(file: Path) -> str:
        raise AssertionError(f"{file} was read again")

    monkeypatch.setattr("facebench.runtime.digests._file_digest", refuse)
    assert opened(tiny_faces).fingerprint == before.fingerprint
    os.utime(tiny_faces / "train3.png", (1_000_000_000, 1_000_000_001))
    with pytest.raises(AssertionError, match=r"train3\.png was read again"):
        opened(tiny_faces)


def test_damaged_digests_are_computed_again(tiny_faces: Path) -> None:
    before = opened(tiny_faces).fingerprint
    (stored,) = (tiny_faces.parent.parent / "cache/digests").iterdir()
    for text in ("", "{}", "[]", '{"format": 1, "files": []}', "\x00"):
        stored.write_text(text)
        assert opened(tiny_faces).fingerprint == before


def test_missing_image_is_named(tiny_faces: Path) -> None:
    (tiny_faces / "train3.png").unlink()
    with pytest.raises(DataError, match=r"train3\.png: cannot be read: No such file"):
        opened(tiny_faces)
