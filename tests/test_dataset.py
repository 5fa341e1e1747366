"""Finding, checking, fingerprinting and limiting a task's data, with small tasks of our own."""

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

from facebench.dataset import Dataset, open_dataset, population
from facebench.errors import DataError, PluginError
from facebench.task import Metric, Task, TaskInfo

ACCURACY = Metric(name="accuracy", title="Accuracy", higher_is_better=True)


def info(protocol: str, **changes: Any) -> TaskInfo:
    values: dict[str, Any] = {
        "name": "tiny",
        "title": "Tiny",
        "version": 1,
        "family": "expression",
        "dataset": "Tiny faces",
        "licence": "none",
        "obtain": "ask the test.",
        "layout": "list.csv",
        "folders": ("tiny", "tiny-faces"),
        "protocol": protocol,
        "image_size": 8,
        "main_metric": ACCURACY,
        "counts": {"train": 12, "test": 6},
        "classes": ("a", "b", "c"),
    }
    return TaskInfo(**values | changes)


class Tiny(Task):
    """A task that reads its table from ``list.csv``."""

    info = info("classification")

    def manifest(self, root: Path) -> pd.DataFrame:
        return pd.read_csv(root / "list.csv")

    def synthesise(self, root: Path, faces: Any, progress: Any, scale: float = 1.0) -> None:
        write_tiny(root, seed=int(faces.seed))


class Pairs(Tiny):
    """The same with pairs."""

    info = info("verification", name="pairs", counts={"test": 12, "pairs": 24}, classes=())

    def pairs(self, root: Path) -> pd.DataFrame:
        return pd.read_csv(root / "pairs.csv")


def write_tiny(root: Path, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    rows = [
        (f"{split}{i}.png", split, i % 3)
        for split, n in (("train", 12), ("test", 6))
        for i in range(n)
    ]
    for path, _, _ in rows:
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(root / path)
    pd.DataFrame(rows, columns=["path", "split", "label"]).to_csv(root / "list.csv", index=False)


def write_pairs(root: Path) -> None:
    write_tiny(root)
    images = pd.DataFrame({"path": [f"train{i}.png" for i in range(12)], "split": "test"})
    images.to_csv(root / "list.csv", index=False)
    rows = [
        (f"train{a}.png", f"train{b}.png", a % 2 == b % 2, fold)
        for fold in range(2)
        for a, b in [(fold * 6 + i, fold * 6 + j) for i in range(4) for j in range(i + 1, 6)][:12]
    ]
    table = pd.DataFrame(rows, columns=["first", "second", "same", "fold"])
    table.to_csv(root / "pairs.csv", index=False)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    root = tmp_path / "data/Tiny-Faces"
    root.mkdir(parents=True)
    write_tiny(root)
    return root


def opened(real: Path) -> Dataset:
    return open_dataset(Tiny(), real.parent, real.parent.parent / "cache")


def test_found_whatever_the_case_of_its_name(real: Path) -> None:
    dataset = opened(real)
    assert (dataset.root, dataset.synthetic, dataset.warnings) == (real, False, ())
    assert dataset.counts == {"train": 12, "test": 6}
    assert len(dataset) == 18


def test_first_folder_name_wins(real: Path) -> None:
    (real.parent / "tiny").mkdir()
    write_tiny(real.parent / "tiny")
    assert opened(real).root == real.parent / "tiny"


def test_data_root_may_be_the_dataset(real: Path) -> None:
    assert open_dataset(Tiny(), real, real.parent.parent / "cache").root == real


def test_parts_side_by_side_are_found_from_the_data_folder(
    real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One part is enough to look for the others: real data are never replaced in silence."""
    data, cache = real.parent, real.parent.parent / "cache"
    parts = (("tiny_left", "Tiny-Left"), ("tiny_right",))
    monkeypatch.setattr(Tiny, "info", info("classification", folders=("whole",), parts=parts))
    assert open_dataset(Tiny(), data, cache).synthetic
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
    first = open_dataset(Tiny(), data, tmp_path / "cache")
    assert first.synthetic
    assert first.root.parent == tmp_path / "cache/synthetic"
    assert first.root.name.startswith("tiny-v1-")
    assert "SYNTHETIC" in caplog.text
    (first.root / "mark").touch()
    assert json.loads((first.root / "synthetic.json").read_text())["task"] == "tiny"
    again = open_dataset(Tiny(), data, tmp_path / "cache")
    assert (again.root / "mark").exists()
    assert again.fingerprint == first.fingerprint
    other = open_dataset(Tiny(), data, tmp_path / "cache", scale=0.5)
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


def test_rendered_faces_below_the_data_folder_stay_synthetic(real: Path) -> None:
    (real / "synthetic.json").touch()
    dataset = opened(real)
    assert (dataset.root, dataset.synthetic) == (real, True)


def test_stand_ins_share_no_people() -> None:
    names = ("rafdb", "fer2013", "lfw", "voxceleb")
    assert len({population(name) for name in names}) == len(names)


def test_differing_counts_are_loud(real: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = pd.read_csv(real / "list.csv")
    table.iloc[1:].to_csv(real / "list.csv", index=False)
    dataset = opened(real)
    assert dataset.warnings == (
        "Tiny: found 11 train; expected 12 officially. "
        "The numbers do not compare with published ones.",
    )
    assert dataset.warnings[0] in [record.getMessage() for record in caplog.records]
    assert caplog.records[0].levelno == logging.WARNING


def test_what_a_task_left_out_is_loud(
    real: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def manifest(self: Tiny, root: Path) -> pd.DataFrame:
        table = pd.read_csv(root / "list.csv").iloc[1:]
        table.attrs["warnings"] = ["Tiny: left out 1 file"]
        return table

    monkeypatch.setattr(Tiny, "manifest", manifest)
    dataset = opened(real)
    assert dataset.warnings[0] == "Tiny: left out 1 file"
    assert dataset.warnings[1].startswith("Tiny: found 11 train; expected 12")
    assert [record.getMessage() for record in caplog.records] == list(dataset.warnings)
    assert dataset.limit(3).warnings == (*dataset.warnings, "limited to 3 images per split")
    (real / "synthetic.json").touch()  # whose counts are nobody's business
    assert opened(real).warnings == ("Tiny: left out 1 file",)


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
    real: Path, monkeypatch: pytest.MonkeyPatch, warnings: Any
) -> None:
    def manifest(self: Tiny, root: Path) -> pd.DataFrame:
        table = pd.read_csv(root / "list.csv")
        table.attrs["warnings"] = warnings
        return table

    monkeypatch.setattr(Tiny, "manifest", manifest)
    with pytest.raises(PluginError, match=r"'tiny' breaks its contract: attrs\['warnings'\]"):
        opened(real)


def test_folders_that_differ_in_case_are_refused(real: Path) -> None:
    other = real.with_name("tiny-faces")
    if other.exists():
        pytest.skip("this file system does not tell upper from lower case")
    other.mkdir()
    with pytest.raises(DataError, match="found the folders Tiny-Faces and tiny-faces"):
        opened(real)


def test_image_is_cropped_and_resized(real: Path) -> None:
    table = pd.read_csv(real / "list.csv").assign(left=-2, top=0, right=2, bottom=4)
    table.to_csv(real / "list.csv", index=False)
    image = opened(real).image(3, 4)
    expected = np.asarray(Image.open(real / "train3.png"))
    np.testing.assert_array_equal(image[:, 2:], expected[:4, :2])
    assert not image[:, :2].any()


# The fingerprint --------------------------------------------------------------------------------


def test_fingerprint_ignores_place_and_order(real: Path, tmp_path: Path) -> None:
    before = opened(real).fingerprint
    table = pd.read_csv(real / "list.csv")
    table.iloc[::-1][["label", "split", "path"]].to_csv(real / "list.csv", index=False)
    moved = real.rename(tmp_path / "tiny")
    assert open_dataset(Tiny(), moved, tmp_path / "other").fingerprint == before


def test_fingerprint_follows_pixels_labels_splits_and_crops(real: Path) -> None:
    seen = {opened(real).fingerprint}
    image = np.array(Image.open(real / "train3.png"))
    image[0, 0, 0] ^= 1
    Image.fromarray(image).save(real / "train3.png")
    seen.add(opened(real).fingerprint)
    table = pd.read_csv(real / "list.csv")
    for changed in (
        table.assign(label=table["label"].where(table.index != 5, 0)),
        table.assign(split=table["split"].where(table.index != 5, "val")),
        table.assign(left=0, top=0, right=8, bottom=8),
        table.assign(subject="somebody"),
    ):
        changed.to_csv(real / "list.csv", index=False)
        seen.add(opened(real).fingerprint)
    assert len(seen) == 6


def test_digests_are_remembered(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in real.iterdir():  # older than a file system's time step
        os.utime(file, (1_000_000_000, 1_000_000_000))
    before = opened(real)

    def refuse(file: Path) -> str:
        raise AssertionError(f"{file} was read again")

    monkeypatch.setattr("facebench.digests._file_digest", refuse)
    assert opened(real).fingerprint == before.fingerprint
    os.utime(real / "train3.png", (1_000_000_000, 1_000_000_001))
    with pytest.raises(AssertionError, match=r"train3\.png was read again"):
        opened(real)


def test_damaged_digests_are_computed_again(real: Path) -> None:
    before = opened(real).fingerprint
    (stored,) = (real.parent.parent / "cache/digests").iterdir()
    for text in ("", "{}", "[]", '{"format": 1, "files": []}', "\x00"):
        stored.write_text(text)
        assert opened(real).fingerprint == before


def test_missing_image_is_named(real: Path) -> None:
    (real / "train3.png").unlink()
    with pytest.raises(DataError, match=r"train3\.png: cannot be read: No such file"):
        opened(real)


# Limits -----------------------------------------------------------------------------------------


def test_limit_takes_every_class_and_is_deterministic(real: Path) -> None:
    dataset = opened(real)
    small = dataset.limit(4)
    assert small.counts == {"train": 4, "test": 4}
    assert small.table.groupby("split")["label"].nunique().tolist() == [3, 3]
    assert small.table.index.tolist() == list(range(8))
    assert small.fingerprint == opened(real).limit(4).fingerprint != dataset.fingerprint
    assert small.warnings == ("limited to 4 images per split",)
    by_path = dict(zip(dataset.table["path"], dataset.digests, strict=True))
    assert [by_path[path] for path in small.table["path"]] == list(small.digests)
    np.testing.assert_array_equal(small.image(2, 8), read(real, small.table["path"].iloc[2]))


def test_limit_is_proportional(real: Path) -> None:
    counts = (300, 90, 10)
    table = pd.DataFrame(
        {
            "path": [f"{i}" for i in range(400)],
            "split": "train",
            "label": np.repeat([0, 1, 2], counts),
        }
    )
    dataset = Dataset(Tiny(), real, False, table, None, tuple("0" * 400))
    found = np.bincount(dataset.limit(40).table["label"])
    assert np.abs(found - np.array(counts) / 10).max() <= 1
    assert np.bincount(dataset.limit(3).table["label"]).tolist() == [1, 1, 1]


def test_limit_beyond_the_end_is_the_whole(real: Path) -> None:
    dataset = opened(real)
    assert dataset.limit(12) is dataset
    with pytest.raises(DataError, match="found 0; expected at least 1"):
        dataset.limit(0)


def test_limit_balances_pairs_in_each_fold(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    write_pairs(tmp_path / "tiny")
    dataset = open_dataset(Pairs(), tmp_path, tmp_path / "cache")
    assert dataset.counts == {"test": 12, "pairs": 24}
    small = dataset.limit(8)
    assert small.pairs is not None
    assert small.pairs.groupby(["fold", "same"]).size().tolist() == [2, 2, 2, 2]
    named = set(small.pairs["first"]) | set(small.pairs["second"])
    assert set(small.table["path"]) == named
    assert small.fingerprint != dataset.fingerprint
    assert dataset.limit(1).counts["pairs"] == 4
    assert dataset.limit(1000) is dataset


# The contract -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="split"), r"manifest\(\) lacks the columns \['split'\]"),
        (lambda t: t.drop(columns="label"), r"manifest\(\) lacks the columns \['label'\]"),
        (lambda t: t.assign(split="dev"), r"splits \['dev'\]; expected some of"),
        (lambda t: t.assign(path="a.png"), r"has 'a.png' twice"),
        (lambda t: t.assign(path=range(len(t))), r"'path' of manifest\(\) is int64"),
        (
            lambda t: t.assign(path="/" + t["path"]),
            r"the path '/train0.png'; expected a path below",
        ),
        (lambda t: t.assign(path="../" + t["path"]), "a path below the folder"),
        (lambda t: t.assign(path="a\\" + t["path"]), "a path below the folder"),
        (lambda t: t.assign(label=t["label"] + 1), "labels from 1 to 3; expected 0 to 2"),
        (lambda t: t.assign(label=t["label"] * 1.0), "is float64; expected int"),
        (lambda t: t.assign(left=0), r"lacks the columns \['top', 'right', 'bottom'\]"),
        (lambda t: t.assign(left=5, top=0, right=5, bottom=1), "crop of train0.png is empty"),
        (lambda t: t.assign(left=0.5, top=0, right=5, bottom=1), "'left' .* is float64"),
        (lambda t: [1], "returned list"),
    ],
)
def test_broken_manifest(
    real: Path, monkeypatch: pytest.MonkeyPatch, change: Any, message: str
) -> None:
    monkeypatch.setattr(Tiny, "manifest", lambda self, root: change(pd.read_csv(root / "list.csv")))
    with pytest.raises(PluginError, match=rf"task 'tiny' breaks its contract: .*{message}"):
        opened(real)


def test_empty_split_is_an_incomplete_download(real: Path) -> None:
    table = pd.read_csv(real / "list.csv")
    table[table["split"] == "train"].to_csv(real / "list.csv", index=False)
    with pytest.raises(DataError, match="found no images for the split 'test'; expected 6"):
        opened(real)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.drop(columns="fold"), r"pairs\(\) lacks the columns \['fold'\]"),
        (lambda p: p.assign(same=1), "'same' of .* is int64; expected bool"),
        (lambda p: p.assign(first="x.png"), "names 'x.png', which"),
        (lambda p: p.assign(fold=0), r"has the folds \[0\]"),
        (lambda p: p.assign(fold=p["fold"] + 1), r"has the folds \[1, 2\]"),
        (lambda p: p.assign(fold="a"), "'fold' of"),
        (lambda p: p.assign(same=p["fold"] == 1), "fold 0 has pairs of one kind"),
    ],
)
def test_broken_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, message: str
) -> None:
    (tmp_path / "tiny").mkdir()
    write_pairs(tmp_path / "tiny")
    monkeypatch.setattr(Pairs, "pairs", lambda self, root: change(pd.read_csv(root / "pairs.csv")))
    with pytest.raises(PluginError, match=rf"task 'pairs' breaks its contract: .*{message}"):
        open_dataset(Pairs(), tmp_path, tmp_path / "cache")


def read(root: Path, path: str) -> np.ndarray:
    return np.asarray(Image.open(root / path))
