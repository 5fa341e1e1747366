"""The paper's tables: its rows in its order, ours beside them, real and synthetic apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_world import classes, pair_list, write
from whole_results import rewritten

from facebench.config.ablations import ablation, ablation_names
from facebench.config.spec import PretrainSpec
from facebench.errors import UnknownNameError
from facebench.report.entries import stored_results
from facebench.report.reference import later_numbers, printed_layouts, printed_table
from facebench.report.render import caption
from facebench.report.tables.formats import render
from facebench.report.tables.model import PaperTable, TableCell, TableRow
from facebench.report.tables.paper_table import paper_tables
from facebench.results.store import Result

FLOORS = {"majority class": {"accuracy": 0.25}}
BASELINES = "Baselines: nothing learned"
TITLES = {"fer2013": "FER-2013", "rafdb": "RAF-DB", "lfw": "LFW", "cplfw": "CPLFW"}


def judge(root: Path, method: str, task: str, rate: float, **more: Any) -> Result:
    """Write a result that is right on the easier items of the task, and a few of the others."""
    rng = np.random.default_rng(len(task))
    hard, flip = rng.random(300), np.random.default_rng(more.get("seed", 0)).random(300)
    frame = classes((hard < rate) ^ (flip < 0.02))
    return write(
        root, frame, method=method, task=task, title=TITLES[task], floors=FLOORS, **more
    )  # fmt: skip


def rows(table: PaperTable, section: str) -> list[TableRow]:
    return [row for row in table.rows if row.section == section]


@pytest.fixture
def world(tmp_path: Path) -> list[Result]:
    """Two methods of the paper and one that it lacks, on both tasks of Table 1, two seeds."""
    for task in ("fer2013", "rafdb"):
        for method, rate in (("simclr", 0.5), ("pcl", 0.8)):
            for seed in (0, 1):
                judge(tmp_path, method, task, rate, seed=seed)
        judge(tmp_path, "random", task, 0.3, learned=False)
    return stored_results(tmp_path)


@pytest.mark.parametrize("number", range(1, 8))
def test_without_results_the_printed_table_is_left(number: int) -> None:
    (table,) = paper_tables(number, [])
    layout = printed_layouts()[number]
    assert [(c.task, c.metric, c.heading) for c in table.columns] == [
        (c.task, c.metric, c.heading) for c in layout.columns
    ]
    shown = [cell.printed for row in table.rows for cell in row.cells if cell.printed is not None]
    assert sorted(shown) == sorted(number.value for number in printed_table(number))
    assert all(row.entry is None for row in table.rows)
    assert not table.synthetic


def test_rows_stand_in_the_papers_order_with_ours_beside_them(world: list[Result]) -> None:
    (table,) = paper_tables(1, world)
    assert list(dict.fromkeys(row.section for row in table.rows)) == [
        "Trivial baselines", "Fully supervised", BASELINES, "Self-supervised (linear evaluation)",
    ]  # fmt: skip
    learned = rows(table, "Self-supervised (linear evaluation)")
    assert [row.name for row in learned] == [
        "FAb-Net", "TCAE", "BMVC'20", "MoCo", "FaceCycle", "SimCLR", "PCL",
    ]  # fmt: skip
    assert [row.name for row in learned if row.entry] == ["SimCLR", "PCL"]
    assert learned[-1].run == "64 images of faces, seeds 0, 1"
    baselines = rows(table, BASELINES)
    assert [row.name for row in baselines] == ["LBP", "HoG", "Untrained backbone"]
    assert [row.name for row in baselines if row.entry] == ["Untrained backbone"]
    (floor,) = rows(table, "Trivial baselines")
    assert [cell.honest for cell in floor.cells] == [25.0, 25.0]


def test_printed_numbers_of_a_feature_stand_beside_runs_of_its_options(tmp_path: Path) -> None:
    for invariant, rate in ((True, 0.4), (False, 0.6)):
        result = judge(tmp_path, "random", "rafdb", rate, learned=False, seed=int(invariant))
        options = {"rotation_invariant": invariant}
        rewritten(result, method={"title": "LBP"}, spec={"method_options": options})
    (table,) = paper_tables(1, stored_results(tmp_path))
    own = [row for row in rows(table, BASELINES) if row.name == "LBP"]
    place = [column.task for column in table.columns].index("rafdb")
    assert [row.cells[place].printed for row in own] == [52.17, None]
    assert [row.run.partition("=")[2] for row in own] == ["true", "false"]


@pytest.mark.parametrize("synthetic", [False, True])
@pytest.mark.parametrize("number", [1, "modern"])
def test_runs_that_learned_from_labels_are_fully_supervised(
    tmp_path: Path, number: int | str, synthetic: bool
) -> None:
    """Whether the paper prints the method or not; the same run without labels is not there."""
    for method, labels in (("moco", {"kind": "classes", "outputs": 4}), ("pcl", None)):
        result = judge(tmp_path, method, "rafdb", 0.8, synthetic=synthetic)
        data = {"images": 64} | ({"labels": labels} if labels else {})
        title = "Supervised" if labels else "Another"
        rewritten(result, method={"title": title}, pretrain={"data": data})
    (table,) = paper_tables(number, stored_results(tmp_path))
    (own,) = [row for row in rows(table, "Fully supervised") if row.entry]
    assert own.name == "Supervised"
    (other,) = [row for row in table.rows if row.entry and row.section != "Fully supervised"]
    assert other.name == "Another"


def test_later_methods_have_their_printed_numbers_and_ours(tmp_path: Path) -> None:
    for method, title in (("moco", "BYOL"), ("simclr", "FRA"), ("pcl", "PCL")):
        rewritten(judge(tmp_path, method, "rafdb", 0.8), method={"title": title})
    (table,) = paper_tables("modern", stored_results(tmp_path))
    later = {row.name: row for row in rows(table, "Later methods (linear evaluation)")}
    assert [*later] == ["BYOL", "SimSiam", "VICReg", "Barlow Twins", "DINO", "MAE", "FRA"]
    assert [name for name, row in later.items() if row.entry] == ["BYOL", "FRA"]
    assert [later["BYOL"].cells[0].printed, later["FRA"].cells[0].printed] == [74.3, None]
    place = [column.task for column in table.columns].index("rafdb")
    for row in later.values():
        assert (row.cells[place].honest is not None) == (row.entry is not None)
        assert all(cell.printed is None for cell in row.cells[1:])
        assert all(cell.difference is None for cell in row.cells)
    (pcl,) = rows(table, "Methods of the PCL paper's tables")
    assert pcl.name == "PCL"
    notes = " ".join(table.notes)
    for number in later_numbers():
        assert f"published for {number.method} ({number.variant}): {number.short}" in notes


def test_a_cell_is_the_mean_over_seeds_on_the_printed_scale(world: list[Result]) -> None:
    (table,) = paper_tables(1, world)
    cell = rows(table, "Self-supervised (linear evaluation)")[-1].cells[1]
    mine = [r for r in world if r.record.task.name == "rafdb" and r.path.name.startswith("pcl")]
    values = [100 * r.scores.honest.value("accuracy") for r in mine]
    assert cell.honest == pytest.approx(np.mean(values))
    assert cell.honest_std == pytest.approx(np.std(values, ddof=1))
    assert cell.printed == 74.47
    assert cell.difference is None  # learned from other data than the printed number
    assert cell.low is not None
    assert cell.high is not None
    assert cell.low < np.mean(values) < cell.high
    assert cell.seeds == (0, 1)
    assert cell.results == tuple(r.path.name for r in mine)
    assert not cell.reproduced
    assert rows(table, "Self-supervised (linear evaluation)")[-2].cells[1].reproduced


def test_a_difference_needs_the_data_and_the_budget_of_the_printed_number(tmp_path: Path) -> None:
    longer = PretrainSpec(epochs=PretrainSpec().epochs + 1)
    runs: dict[str, dict[str, Any]] = {
        "as published": {"method": "pcl", "data": "voxceleb"},
        "longer": {
            "method": "pcl",
            "data": "voxceleb",
            "pretrain": longer,
        },
        "shorter": {"method": "pcl", "data": "voxceleb", "pretrain": PretrainSpec(epochs=2)},
        "fewer images": {"method": "pcl", "data": "voxceleb", "pretrain": PretrainSpec(limit=64)},
        "other images": {"method": "pcl", "data": "lfw"},
        "nothing learned": {"method": "lbp", "learned": False},
        "some test items": {"method": "lbp", "learned": False, "limit": 8},
    }
    shown = set()
    for name, run in runs.items():
        result = judge(tmp_path / name, task="rafdb", rate=0.7, **run)
        (table,) = paper_tables(1, [result])
        (row,) = [row for row in table.rows if row.entry]
        assert any(cell.printed is not None for cell in row.cells[1:])
        if row.cells[1].difference is not None:
            assert row.cells[1].paper is not None
            assert row.cells[1].printed is not None
            assert row.cells[1].difference == row.cells[1].paper - row.cells[1].printed
            shown.add(name)
    assert shown == {"as published", "longer", "nothing learned"}


@pytest.mark.parametrize("whole", [False, True])
def test_no_published_number_is_of_some_test_items(tmp_path: Path, whole: bool) -> None:
    judge(tmp_path, "lbp", "rafdb", 0.7, learned=False, limit=8)
    if whole:
        judge(tmp_path, "lbp", "rafdb", 0.7, learned=False)
    (table,) = paper_tables(1, stored_results(tmp_path))
    places = [place for place, column in enumerate(table.columns) if column.task == "rafdb"]
    (part,) = [place for place in places if "only 8 items" in table.columns[place].note]
    (other,) = [place for place in places if place != part]
    assert all(row.cells[part].printed is None for row in table.rows)
    lbp = next(row for row in table.rows if row.name == "LBP" and row.entry)
    assert lbp.cells[other].printed == 52.17
    assert lbp.cells[part].honest is not None
    assert (lbp.cells[other].honest is not None) == whole
    assert caption(stored_results(tmp_path)).count("of all of it, and are not shown") == 1


def test_the_best_is_best_within_one_budget_and_above_what_learns_nothing(tmp_path: Path) -> None:
    judge(tmp_path, "pcl", "rafdb", 0.5)
    judge(tmp_path, "simclr", "rafdb", 0.3)
    longer = PretrainSpec(epochs=2000)  # does not compete
    judge(tmp_path, "simclr", "rafdb", 0.9, images=640, pretrain=longer)
    (table,) = paper_tables(1, stored_results(tmp_path))
    assert [(row.name, row.run) for row in table.rows if row.cells[1].best] == [
        ("PCL", "64 images of faces")
    ]
    assert any("64 images of faces at" in note for note in table.notes)
    judge(tmp_path, "lbp", "rafdb", 0.7, learned=False)
    (table,) = paper_tables(1, stored_results(tmp_path))
    assert [row.name for row in table.rows if row.cells[1].best] == ["LBP"]


def test_only_the_significantly_best_of_our_rows_is_marked(
    world: list[Result], tmp_path: Path
) -> None:
    (table,) = paper_tables(1, world)
    best = [[row.name for row in table.rows if row.cells[c].best] for c in (0, 1)]
    assert best == [["PCL"], ["PCL"]]
    assert [column.best_p is not None and column.best_p < 0.05 for column in table.columns]
    judge(tmp_path, "moco", "rafdb", 0.79)
    (table,) = paper_tables(1, stored_results(tmp_path))
    best = [[row.name for row in table.rows if row.cells[c].best] for c in (0, 1)]
    assert best == [["PCL"], []]
    assert table.columns[1].best_p is not None
    assert table.columns[1].best_p > 0.05


def test_a_single_row_is_best_of_nothing(tmp_path: Path) -> None:
    (table,) = paper_tables(1, [judge(tmp_path, "pcl", "rafdb", 0.9)])
    assert not any(cell.best for row in table.rows for cell in row.cells)
    assert [column.best_p for column in table.columns] == [None, None]


def test_real_and_synthetic_never_share_a_table(world: list[Result], tmp_path: Path) -> None:
    judge(tmp_path, "pcl", "rafdb", 0.95, synthetic=True)
    judge(tmp_path, "simclr", "rafdb", 0.9, synthetic=True)
    everything = stored_results(tmp_path)
    real, synthetic = paper_tables(1, everything)
    assert (real.synthetic, synthetic.synthetic) == (False, True)
    assert real == paper_tables(1, world)[0] == paper_tables(1, everything, False)[0]
    assert [synthetic] == paper_tables(1, everything, True)
    assert all(cell.printed is None for row in synthetic.rows for cell in row.cells)
    assert [row.name for row in synthetic.rows if row.entry] == ["SimCLR", "PCL"]
    assert "say nothing about the real ones" in synthetic.notes[0]
    assert [row.entry for row in paper_tables(1, [], True)[0].rows] == []


def test_what_cannot_be_compared_stands_in_columns_of_its_own(tmp_path: Path) -> None:
    sides = np.array([[f"a{n}", f"a{n}" if n % 2 else f"b{n}"] for n in range(80)])
    for method, rate in (("simclr", 0.6), ("pcl", 0.7)):
        right = np.random.default_rng(0).random(80) < rate
        for how in ("cosine", "learned"):
            frame = pair_list(right if how == "cosine" else ~right, sides)
            write(tmp_path, frame, task="lfw", title="LFW", method=method, verification=how)
    (table,) = paper_tables(2, stored_results(tmp_path))
    assert sorted((c.task, c.note) for c in table.columns) == [
        ("cplfw", ""), ("lfw", ""), ("lfw", "learned head"),
    ]  # fmt: skip
    row = next(row for row in table.rows if row.entry and row.name == "PCL")
    by_note = {
        c.note: cell for c, cell in zip(table.columns, row.cells, strict=True) if c.task == "lfw"
    }
    assert by_note[""].honest == pytest.approx(100 * right.mean())
    assert by_note["learned head"].honest == pytest.approx(100 * (1 - right.mean()))
    assert any("columns of their own: LFW (learned head)" in note for note in table.notes)


def test_what_runs_share_is_said_once_and_what_tells_them_apart_in_their_row(
    tmp_path: Path,
) -> None:
    for value in (0.1, 0.2):
        judge(tmp_path, "pcl", "rafdb", 0.5 + value, options={"temperature": value, "heads": 1})
    (table,) = paper_tables(1, stored_results(tmp_path))
    assert [row.run for row in table.rows if row.entry] == ["temperature=0.1", "temperature=0.2"]
    assert any(
        note == "All of our rows: feature f_s, facecycle16, 64 images of faces, preset quick, "
        "seed 0." for note in table.notes
    )  # fmt: skip


def test_runs_on_fewer_tasks_do_not_crowd_a_method_out(world: list[Result], tmp_path: Path) -> None:
    judge(tmp_path, "pcl", "rafdb", 0.7, options={"l_orth": False})
    (table,) = paper_tables(1, stored_results(tmp_path))
    assert len([row for row in table.rows if row.name == "PCL"]) == 1
    assert any("1 further configuration; see facebench leaderboard" in n for n in table.notes)


def test_warnings_of_the_results_are_below_the_table(tmp_path: Path) -> None:
    judge(tmp_path, "pcl", "rafdb", 0.7, warnings=("three images are missing",))
    assert paper_tables(1, stored_results(tmp_path))[0].notes[-1] == "three images are missing"


def test_a_warning_says_which_rows_or_which_task_it_is_about(tmp_path: Path) -> None:
    own, images = "learned from the classes of 9 images", "8 of 300 test images are twice there"
    for task, texts in (("fer2013", (images, own)), ("rafdb", (own,))):
        judge(tmp_path, "pcl", task, 0.7, warnings=texts)
        judge(tmp_path, "simclr", task, 0.6, warnings=texts[:-1])
    (table,) = paper_tables(1, stored_results(tmp_path))
    assert table.notes[-2:] == (f"FER-2013: {images}", f"[a] {own}")
    assert {row.name for row in table.rows if row.marks == " [a]"} == {"PCL"}
    (line,) = [line for line in render([table], "md").splitlines() if line.startswith("| PCL ")]
    assert line.split(" | ")[1].endswith("\\[a\\]")


@pytest.mark.parametrize(
    "text",
    [
        "pretrained on the test images of LFW, without labels",
        "whether people of the test of LFW are among them is not known",
    ],
)
def test_a_warning_about_a_task_of_another_table_is_not_below_this_one(
    tmp_path: Path, text: str
) -> None:
    for task in ("fer2013", "lfw"):
        judge(tmp_path, "pcl", task, 0.7, warnings=(text,))
    found = stored_results(tmp_path)
    assert text not in paper_tables(1, found)[0].notes
    assert paper_tables(2, found)[0].notes[-1] == text


def test_a_result_without_a_printed_column_leaves_its_cells_empty(tmp_path: Path) -> None:
    column = {"name": "balanced_accuracy", "title": "x", "scale": 1.0, "higher_is_better": True}
    frame = classes(np.arange(40) % 3 > 0)
    for method in ("simclr", "pcl"):
        write(tmp_path, frame, columns=(column,), method=method)
    (table,) = paper_tables(1, stored_results(tmp_path))
    row = next(row for row in table.rows if row.entry)
    assert row.cells[1] == TableCell(printed=71.06, reproduced=True)
    assert table.columns[1].best_p is None


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown table '8'.*1, 2, 3, 4, 5, 6, 7"):
        paper_tables(8, [])


OPTIONS = ("l_dis", "l_orth", "l_pose", "dynamic_weights")


def ablate(root: Path, parts: int, rate: float, **more: Any) -> Result:
    options: dict[str, Any] = {name: place < parts for place, name in enumerate(OPTIONS)}
    options |= {"face_pose_augmentation": "none", **more.pop("options", {})}
    return judge(root, "pcl", "rafdb", rate, options=options, **more)


def test_table_5_finds_the_runs_of_its_rows(tmp_path: Path) -> None:
    judge(tmp_path, "simclr", "rafdb", 0.5, options={"pose_augmentation": "none"})
    judge(tmp_path, "simclr", "rafdb", 0.9, options={"pose_augmentation": "flip"})  # no row
    for parts in range(1, 5):
        ablate(tmp_path, parts, 0.5 + parts / 10)
    ablate(tmp_path, 4, 0.2, options={"temperature": 0.3})  # only one row has it
    (table,) = paper_tables(5, stored_results(tmp_path))
    assert [(row.name, row.cells[0].printed) for row in table.rows if row.entry] == [
        ("Baseline (SimCLR)", 71.06), ("+ L_dis", 71.47), ("+ L_dis + L_orth", 72.39),
        ("+ L_dis + L_orth + L_pose", 73.73), ("+ L_dis + L_orth + L_pose + dynamic weighting",
                                               74.47),
    ]  # fmt: skip
    honest = [row.cells[0].honest for row in table.rows if row.entry]
    assert honest == sorted(honest, key=lambda value: value or 0)
    assert [row for row in table.rows if row.entry][-1].cells[0].best
    assert any("2 further configurations" in note for note in table.notes)


def test_an_ablation_lacks_rows_without_runs_and_parts_budgets(tmp_path: Path) -> None:
    for epochs in (5, 10):
        ablate(tmp_path, 1, 0.5, pretrain=PretrainSpec(epochs=epochs))
    ablate(tmp_path, 2, 0.6, pretrain=PretrainSpec(epochs=5))
    (table,) = paper_tables(5, stored_results(tmp_path))
    sections = [
        s for s in dict.fromkeys(row.section for row in table.rows) if s != "Trivial baselines"
    ]
    assert sections == ["Budget 1", "Budget 2"]
    filled = [[bool(row.entry) for row in rows(table, section)] for section in sections]
    assert sorted(filled) == [
        [False, True, False, False, False], [False, True, True, False, False],
    ]  # fmt: skip
    assert {cell for row in table.rows if not row.entry and row.section != "Trivial baselines"
            for cell in row.cells if cell.honest is not None} == set()  # fmt: skip


def test_table_7_takes_the_features_of_one_pcl(tmp_path: Path) -> None:
    whole = {"l_pose": True}
    for place, feature in enumerate(("f_f", "f_p", "f_s", "f_f+f_p")):
        judge(tmp_path, "pcl", "rafdb", 0.4 + place / 10, feature=feature, options=whole)
    judge(tmp_path, "pcl", "rafdb", 0.9, options={"l_pose": False})
    (table,) = paper_tables(7, stored_results(tmp_path))
    shown = [(row.name, row.cells[0].printed) for row in table.rows if row.entry]
    assert shown == [("F_f", 73.04), ("F_p", 65.71), ("F_s", 74.47), ("F_f + F_p", 73.53)]
    *ours, floor = table.rows  # rows without a heading do not stand below one
    assert {row.section for row in ours} == {""}
    assert ours[-1].cells[1] == TableCell(printed=79.1)
    assert floor.section == "Trivial baselines"


def test_ablations_print_what_the_reference_numbers_say() -> None:
    """The rows of an ablation's file are those of the printed table, in order."""
    tables = [ablation(name) for name in ablation_names()]
    assert sorted(sweep.table for sweep in tables if sweep.table) == [5, 6, 7]
    for sweep in tables:
        if sweep.table is None:
            continue
        printed: dict[tuple[str, str], dict[str, float]] = {}
        for number in printed_table(sweep.table):
            printed.setdefault((number.method, number.variant), {})[number.task] = number.value
        assert [dict(setting.printed) for setting in sweep.settings] == list(printed.values())
