"""The included ablations: they resolve, share stages, and have the paper's rows."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from facebench.config.ablations import ablation, ablation_names
from facebench.errors import UnknownNameError
from facebench.registry import Registry
from facebench.runtime.workspace import Workspace
from facebench.sweep.entries import SweepEntry, sweep_entries, sweep_requests
from facebench_methods._views import PoseAugmentation, ViewOptions, pose

# Tables 5 to 7 of PCL (CVPR 2023) as they stand there.
TABLE_5 = {  # L_dis, L_orth, L_pose, dynamic weighting -> RAF-DB
    (): 71.06,
    ("l_dis",): 71.47,
    ("l_dis", "l_orth"): 72.39,
    ("l_dis", "l_orth", "l_pose"): 73.73,
    ("l_dis", "l_orth", "l_pose", "dynamic_weights"): 74.47,
}
TABLE_6 = """
Tasks                     | SimCLR w/o pose | SimCLR w/ pose | PCL w/o pose | PCL w/ pose
FER(RAF-DB)               | 71.06           | 73.17          | 73.24        | 73.73
Pose estimation(BU-3DFE)  | 98.93           | 98.85          | 98.40        | 98.95
"""
TABLE_7 = """
Different features | RAF-DB | LFW   | DISFA
F_f                | 73.04  | 78.55 | 54.30
F_p                | 65.71  | 62.55 | 34.17
F_s                | 74.47  | 79.72 | 54.78
F_f + F_p          | 73.53  | 79.10 | 56.26
"""
PARTS = ("l_dis", "l_orth", "l_pose", "dynamic_weights")


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


def entries_of(name: str, tmp_path: Path, preset: str = "quick") -> list[SweepEntry]:
    workspace = Workspace(cache=tmp_path, results=tmp_path, data=None, device=torch.device("cpu"))
    flags = {"baselines": False, "preset": preset}
    sweep, registry = ablation(name), Registry()
    return sweep_entries(sweep, sweep_requests(sweep, flags, {}, workspace, registry), registry)


@pytest.mark.wheel
def test_there_are_the_papers_tables_and_what_its_text_mentions() -> None:
    assert ablation_names() == [
        "backbone", "image_size", "negatives", "pose_augmentation", "table5", "table6", "table7",
        "temperature",
    ]  # fmt: skip
    with pytest.raises(UnknownNameError, match="Did you mean 'negatives'"):
        ablation("negative")


@pytest.mark.parametrize("preset", ["quick", "paper"])
@pytest.mark.parametrize("name", ablation_names())
def test_every_ablation_resolves_to_runs_that_differ(
    name: str, preset: str, tmp_path: Path
) -> None:
    sweep = ablation(name)
    assert sweep.title
    assert "\n" not in sweep.title
    entries = entries_of(name, tmp_path, preset)
    assert len({entry.spec for entry in entries}) == len(entries) >= 3
    number = name.removeprefix("table")
    assert sweep.table == (int(number) if number != name else None)


@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_table_5_adds_one_part_after_the_other(preset: str, tmp_path: Path) -> None:
    entries = entries_of("table5", tmp_path, preset)
    found = {}
    for entry in entries:
        options = entry.spec.method_options
        parts = tuple(part for part in PARTS if getattr(options, part, False))
        found[parts] = entry.printed["rafdb"]
        assert entry.spec.task == "rafdb"
    assert found == TABLE_5
    baseline, *ours = entries
    assert (baseline.spec.method, {e.spec.method for e in ours}) == ("simclr", {"pcl"})
    # Nothing beside the parts differs, and no face view is flipped.
    assert baseline.spec.method_options.pose_augmentation == "none"
    assert {e.spec.method_options.face_pose_augmentation for e in ours} == {"none"}
    assert len({e.spec.pretrain for e in entries}) == 1
    others = {
        tuple((k, v) for k, v in vars(e.spec.method_options).items() if k not in PARTS)
        for e in ours
    }
    assert len(others) == 1


def test_table_6_is_the_papers_and_shares_its_rows_with_table_5(tmp_path: Path) -> None:
    (_, *names), *lines = cells(TABLE_6)
    printed = {
        (name, task): float(value)
        for task, (_, *values) in zip(("rafdb", "bu3dfe"), lines, strict=True)
        for name, value in zip(names, values, strict=True)
    }
    entries = entries_of("table6", tmp_path)
    assert {(e.name, e.spec.task): e.printed[e.spec.task] for e in entries} == printed
    switches = {
        e.name: (
            e.spec.method,
            e.spec.method_options.pose_augmentation,
            getattr(e.spec.method_options, "l_pose", None),
            getattr(e.spec.method_options, "dynamic_weights", None),
        )
        for e in entries
    }
    assert switches == {
        "SimCLR w/o pose": ("simclr", "none", None, None),
        "SimCLR w/ pose": ("simclr", "flip", None, None),
        "PCL w/o pose": ("pcl", "flip", False, False),
        "PCL w/ pose": ("pcl", "flip", True, False),
    }
    table_5 = {entry.spec for entry in entries_of("table5", tmp_path)}
    shared = [e.name for e in entries if e.spec in table_5]
    assert shared == ["SimCLR w/o pose", "PCL w/o pose", "PCL w/ pose"]


def test_table_7_takes_four_features_from_one_checkpoint(tmp_path: Path) -> None:
    (_, *_), *lines = cells(TABLE_7)
    tasks = ("rafdb", "lfw", "disfa")
    printed = {
        (name, task): float(value)
        for name, *values in lines
        for task, value in zip(tasks, values, strict=True)
    }
    entries = entries_of("table7", tmp_path)
    assert {(e.name, e.spec.task): e.printed[e.spec.task] for e in entries} == printed
    for entry in entries:
        assert entry.spec.extract.feature == entry.name.lower().replace(" ", "")
        assert entry.spec.method == "pcl"
    learned = Counter((e.spec.method_options, e.spec.pretrain, e.spec.seed) for e in entries)
    assert list(learned.values()) == [12]


def test_the_paper_flips_and_the_sweep_adds_rotation_and_translation(tmp_path: Path) -> None:
    entries = entries_of("pose_augmentation", tmp_path)
    assert [e.spec.method_options.pose_augmentation for e in entries] == ["flip", "rotation", "all"]


def test_all_moves_a_flipped_face_and_both_does_not() -> None:
    images = torch.zeros(64, 3, 40, 40)
    images[:, :, 18:22, 8:12] = 1
    options = ViewOptions(rotation_degrees=0.0)

    def centres(kind: PoseAugmentation) -> torch.Tensor:
        moved = pose(kind, options, p=1.0)(images, torch.Generator().manual_seed(0))[:, 0]
        at = torch.arange(40) + 0.5
        mass = moved.sum(dim=(1, 2))
        rows, columns = (moved.sum(dim=2) @ at) / mass, (moved.sum(dim=1) @ at) / mass
        return torch.stack([rows - 20, columns - 30], dim=1)  # from the centre of the flipped blob

    assert torch.allclose(centres("both"), torch.zeros(64, 2), atol=1e-3)
    shifts = centres("all")
    assert shifts.abs().max() <= 0.1 * 40 + 1e-3
    assert shifts.abs().max() > 0.08 * 40
    assert bool((shifts.std(dim=0) > 1).all())  # of U(-4, 4): 2.3
