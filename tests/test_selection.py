"""The data that presets are chosen on (``benchmarks/selection``) are apart from every test set."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from conftest import Facebench
from facebench.config.sweep_file import read_sweep
from facebench.data.manifest import check_pairs, check_table
from facebench.errors import DataError
from facebench.evaluation.holdout import hold_out
from facebench.registry import Registry
from facebench.runtime.workspace import Workspace
from facebench.sweep.entries import sweep_entries, sweep_requests
from facebench.testing.contract import check_plugin
from facebench_tasks.fer2013 import FER2013
from facebench_tasks.lfw import LFW, LFWOptions

FOLDER = Path(__file__).parents[1] / "benchmarks/selection"
TASKS, PRESETS = FOLDER / "tasks.py", FOLDER / "presets.yaml"
NAMES = ("lfw_selection", "fer2013_selection")

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="benchmarks/ does not lie beside the tests; it is not installed"
)

PEOPLE = {f"Person_{number:02d}": 1 + number % 7 for number in range(40)}  # images of each
VIEW_2 = """2\t2
Person_03\t1\t2
Person_06\t1\t7
Person_00\t1\tPerson_01\t2
Person_02\t1\tPerson_05\t3
Person_08\t1\t2
Person_13\t2\t4
Person_07\t1\tPerson_11\t2
Person_12\t6\tPerson_20\t3
"""
USAGES = ("Training", "PublicTest", "PrivateTest")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry((TASKS,))


@pytest.fixture(scope="module")
def lfw_task(registry: Registry) -> type[LFW]:
    task: type[LFW] = registry.load("task", "lfw_selection")
    return task


@pytest.fixture(scope="module")
def fer_task(registry: Registry) -> type[FER2013]:
    task: type[FER2013] = registry.load("task", "fer2013_selection")
    return task


def lfw(root: Path) -> Path:
    """Write people in LFW's layout, all with one image's pixels, and a View 2 of two folds."""
    root.mkdir(parents=True)
    Image.fromarray(np.zeros((250, 250, 3), dtype=np.uint8)).save(root / "black.jpg")
    pixels = (root / "black.jpg").read_bytes()
    for name, count in PEOPLE.items():
        folder = root / "lfw-deepfunneled" / name
        folder.mkdir(parents=True)
        for number in range(1, count + 1):
            (folder / f"{name}_{number:04d}.jpg").write_bytes(pixels)
    (root / "pairs.txt").write_text(VIEW_2)
    return root


def fer(root: Path) -> Path:
    """Write a CSV whose usages take turns: 140 of Training, 14 of either test set."""
    root.mkdir(parents=True)
    lines = ["emotion,pixels,Usage"]
    for number in range(140):
        pixels = " ".join([str(number)] * 48 * 48)
        usages = USAGES if number < 14 else USAGES[:1]
        lines += [f"{number % 7},{pixels},{usage}" for usage in usages]
    (root / "fer2013.csv").write_text("\n".join(lines) + "\n")
    return root


def tables(task: LFW, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return manifest and pairs, after the checks that every task's tables have to pass."""
    table, pairs = task.manifest(root), task.pairs(root)
    check_table(task.info, table)
    check_pairs(task.info, table, pairs)
    return table, pairs


def images_of(pairs: pd.DataFrame) -> set[str]:
    return set(pairs["first"]) | set(pairs["second"])


def check_apart(root: Path, table: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Check what holds of the pairs of any copy of LFW, real or not."""
    assert not images_of(pairs) & images_of(LFW().pairs(root))
    assert images_of(pairs) == set(table["path"])
    both = [frozenset(pair) for pair in zip(pairs["first"], pairs["second"], strict=True)]
    assert len(set(both)) == len(pairs)
    assert {len(pair) for pair in both} == {2}
    subject = table.set_index("path")["subject"]
    one, other = (subject[pairs[side]].to_numpy() for side in ("first", "second"))
    np.testing.assert_array_equal(one == other, pairs["same"])
    people = [
        set(one[pairs["fold"] == fold]) | set(other[pairs["fold"] == fold]) for fold in range(10)
    ]
    assert len(set().union(*people)) == sum(map(len, people))
    matched = pairs.groupby("fold")["same"].agg(["sum", "size"])
    assert matched.index.tolist() == list(range(10))
    assert (2 * matched["sum"] == matched["size"]).all()
    assert max(Counter(one[pairs["same"]]).values()) <= 6


def test_no_image_of_view_2_is_in_any_pair(lfw_task: type[LFW], tmp_path: Path) -> None:
    root = lfw(tmp_path / "lfw")
    table, pairs = tables(lfw_task(), root)
    check_apart(root, table, pairs)
    whole = LFW().manifest(root)
    free = whole[~whole["path"].isin(images_of(LFW().pairs(root)))]
    sizes = free["subject"].value_counts()
    assert pairs["same"].sum() == (sizes * (sizes - 1) // 2).clip(upper=6).sum()
    sums = pairs.groupby("fold")["same"].sum()
    assert sums.max() - sums.min() <= 6  # a person's pairs cannot be split
    crop = ["left", "top", "right", "bottom"]
    expected = whole.set_index("path").loc[table["path"], [*crop, "subject", "split"]]
    pd.testing.assert_frame_equal(table.set_index("path")[expected.columns], expected)
    assert table.attrs == {"warnings": []}
    assert lfw_task(LFWOptions(crop=250)).manifest(root)["left"].eq(0).all()


def test_pairs_do_not_depend_on_the_order_of_a_listing(
    lfw_task: type[LFW], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = lfw(tmp_path / "lfw")
    expected = lfw_task().pairs(root)
    pd.testing.assert_frame_equal(lfw_task().pairs(root), expected)
    scandir, read, dice = os.scandir, LFW.manifest, random.Random(0)

    @contextmanager
    def shuffled(folder: Path) -> Iterator[list[os.DirEntry[str]]]:
        with scandir(folder) as entries:
            there = list(entries)
        dice.shuffle(there)
        yield there

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", shuffled)
        pd.testing.assert_frame_equal(lfw_task().pairs(root), expected)
    with monkeypatch.context() as patch:
        patch.setattr(
            LFW, "manifest", lambda self, root: read(self, root).sample(frac=1, random_state=0)
        )
        pd.testing.assert_frame_equal(lfw_task().pairs(root), expected)


def test_pairs_do_not_depend_on_how_names_are_spelled(lfw_task: type[LFW], tmp_path: Path) -> None:
    expected = lfw_task().pairs(lfw(tmp_path / "lfw"))
    root = lfw(tmp_path / "other/lfw")
    for person in list((root / "lfw-deepfunneled").iterdir())[::2]:
        person.rename(person.with_name(person.name.upper()))
    pairs = lfw_task().pairs(root)
    for side in ("first", "second"):
        pairs[side], expected[side] = pairs[side].str.lower(), expected[side].str.lower()
    pd.testing.assert_frame_equal(pairs, expected)


def test_nothing_outside_of_view_2_is_an_error(lfw_task: type[LFW], tmp_path: Path) -> None:
    root = lfw(tmp_path / "lfw")
    named = images_of(LFW().pairs(root))
    for image in list(root.glob("*/*/*.jpg")):
        if image.relative_to(root).as_posix() not in named:
            image.unlink()
    message = r"found 0 people with two or more of them, 0 with any; expected enough .* 10 folds"
    for read in (lfw_task().manifest, lfw_task().pairs):
        with pytest.raises(DataError, match=message):
            read(root)


def test_no_pair_list_is_an_error(lfw_task: type[LFW], tmp_path: Path) -> None:
    root = lfw(tmp_path / "lfw")
    (root / "pairs.txt").unlink()
    with pytest.raises(DataError, match=r"LFW \(selection\).*no pairs\.txt beside it"):
        lfw_task().manifest(root)


def test_private_test_is_not_in_the_table(fer_task: type[FER2013], tmp_path: Path) -> None:
    root = fer(tmp_path / "fer2013")
    lines = (root / "fer2013.csv").read_text().splitlines()[1:]
    usages = [line.rpartition(",")[2] for line in lines]
    task = fer_task()
    table = task.manifest(root)
    check_table(task.info, table)
    read = table["path"].str.rpartition("#")[2].astype(int).map(dict(enumerate(usages)))
    assert set(zip(table["split"], read, strict=True)) == {
        ("train", "Training"), ("test", "PublicTest"),
    }  # fmt: skip
    assert table["split"].value_counts().to_dict() == {"train": 140, "test": 14}
    assert task.read_image(root, table["path"].iloc[-1]).shape == (48, 48, 3)
    assert not vars(task.options)


def test_the_probe_is_chosen_on_a_part_of_training(fer_task: type[FER2013], tmp_path: Path) -> None:
    table = fer_task().manifest(fer(tmp_path / "fer2013"))
    rows = {split: np.flatnonzero(table["split"] == split) for split in ("train", "val", "test")}
    parts = hold_out(table, rows, 0.1, 0, kinds=table["label"].to_numpy(np.int64))
    assert parts.origin == "10% of train"
    assert set(table["split"].iloc[parts.held]) == {"train"}
    assert sorted([*parts.fit, *parts.held]) == rows["train"].tolist()


@pytest.mark.nightly
@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str, registry: Registry) -> None:
    """The stand-in of either task is rendered and read, as for every built-in."""
    lines = list(check_plugin(name, registry))
    assert lines[0] == f"task '{name}' loads from file"
    assert any("the stand-in reads as a valid table" in line for line in lines)


def test_every_setting_of_the_sweep_is_judged_on_both_and_on_nothing_else(
    registry: Registry, tmp_path: Path
) -> None:
    workspace = Workspace(cache=tmp_path, results=tmp_path, data=None, device=torch.device("cpu"))
    sweep = read_sweep(PRESETS)
    requests = sweep_requests(sweep, {}, {}, workspace, registry)
    entries = [entry for entry in sweep_entries(sweep, requests, registry) if not entry.floor]
    specs: list[Any] = [entry.spec for entry in entries]
    assert len(set(specs)) == len(specs) == 2 * len(sweep.settings)
    assert Counter(spec.task for spec in specs) == dict.fromkeys(NAMES, len(sweep.settings))
    assert {(spec.pretrain.data, spec.pretrain.limit) for spec in specs} == {("lfw", 0)}
    assert {spec.probe.epochs for spec in specs} == {30}
    assert not any(entry.printed for entry in entries)  # nothing is printed for such data


def test_the_sweep_is_planned_by_one_command(facebench: Facebench, tmp_path: Path) -> None:
    lfw(tmp_path / "faces/lfw")
    fer(tmp_path / "faces/fer2013")
    done = facebench(
        "sweep", str(PRESETS), "--plugin", str(TASKS), "--data", str(tmp_path / "faces"),
        "--dry-run",
    )  # fmt: skip
    assert "failed" not in done.stderr
    for name in (*(setting.name for setting in read_sweep(PRESETS).settings), *NAMES):
        assert name in done.stdout


def test_the_sweep_on_rendered_faces_has_the_quick_preset_and_its_parts(
    registry: Registry, tmp_path: Path
) -> None:
    workspace = Workspace(cache=tmp_path, results=tmp_path, data=None, device=torch.device("cpu"))
    sweep = read_sweep(FOLDER / "rendered.yaml")
    requests = sweep_requests(sweep, {}, {}, workspace, registry)
    entries = [entry for entry in sweep_entries(sweep, requests, registry) if not entry.floor]
    specs: list[Any] = [entry.spec for entry in entries]
    assert len(set(specs)) == len(specs) == len(sweep.settings) == 6
    assert {(spec.task, spec.preset) for spec in specs} == {("rafdb", "quick")}
    weights = [s.method_options.pose_weight for s in specs if s.method == "pcl"]
    assert Counter(weights) == {0.1: 1, 1.0: 4}


def real(name: str) -> Path:
    root = Path(os.environ.get("FACEBENCH_DATA", "")) / name
    if "FACEBENCH_DATA" not in os.environ or not root.is_dir():
        pytest.skip(f"no {name} below FACEBENCH_DATA")
    return root


@pytest.mark.realdata
def test_counts_of_the_real_pairs(lfw_task: type[LFW]) -> None:
    root = real("lfw")
    table, pairs = tables(lfw_task(), root)
    check_apart(root, table, pairs)
    assert {"test": len(table), "pairs": len(pairs)} == lfw_task.info.counts
    assert len(pairs) == 2908
    assert pairs.groupby("fold").size().tolist() == [292] * 4 + [290] * 6
    assert table["subject"].nunique() == 1644
    assert pairs.loc[pairs["same"], "first"].str.split("/").str[-2].nunique() == 383


@pytest.mark.realdata
def test_counts_of_the_real_expressions(fer_task: type[FER2013]) -> None:
    root = real("fer2013")
    table = fer_task().manifest(root)
    assert table["split"].value_counts().to_dict() == fer_task.info.counts
    for split, counts in fer_task.info.class_counts.items():
        assert tuple(np.bincount(table.loc[table["split"] == split, "label"])) == counts
    reported = FER2013().manifest(root)
    tested = set(reported.loc[reported["split"] == "test", "path"])
    assert len(tested) == 3589
    assert not tested & set(table["path"])
