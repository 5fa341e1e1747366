"""Sweep files: rows, grids and their product, and every way to write one wrongly."""

import itertools
from pathlib import Path

import pytest

from facebench.config.sweep_file import parse_sweep, read_sweep
from facebench.errors import SpecError

ROWS = """
rows:
  - {name: plain, method: simclr}
  - {name: soft, method: simclr, set: {simclr.temperature: 0.5}, published: {rafdb: 71}}
"""
GRID = """
grid:
  pcl: {temperature: [0.1, 0.2, 0.3]}
  probe.lrs: [[0.1], [0.1, 0.2]]
  backbone: [facecycle16, "timm:resnet18"]
"""


def test_a_grid_is_the_product_of_its_values() -> None:
    sweep = parse_sweep("method: pcl\ntask: rafdb\n" + GRID, "f.yaml")
    points = [
        tuple(setting.grid[key].value for key in ("pcl.temperature", "probe.lrs", "backbone"))
        for setting in sweep.settings
    ]
    assert points == [
        (t, lrs, backbone)
        for t, lrs, backbone in itertools.product(
            [0.1, 0.2, 0.3], [[0.1], [0.1, 0.2]], ["facecycle16", "timm:resnet18"]
        )
    ]
    assert sweep.top == {"method": "pcl", "task": "rafdb"}


def test_rows_stand_at_every_point_of_the_grid() -> None:
    sweep = parse_sweep(ROWS + GRID, "f.yaml")
    assert len(sweep.settings) == 2 * 12
    assert [s.name for s in sweep.settings] == ["plain"] * 12 + ["soft"] * 12
    assert sweep.settings[-1].printed == {"rafdb": 71.0}
    older = parse_sweep(ROWS.replace("published", "printed") + GRID, "f.yaml")
    assert older.settings[-1].printed == {"rafdb": 71.0}
    assert sweep.settings[-1].values["simclr.temperature"].value == 0.5


def test_a_file_without_rows_and_grid_is_one_setting() -> None:
    (setting,) = parse_sweep("method: pcl\ntask: rafdb\n", "f.yaml").settings
    assert (setting.name, setting.grid, setting.values) == ("", {}, {})


@pytest.mark.parametrize("text", ["baselines: no", "floors: no", "floors: no\nbaselines: no"])
def test_baselines_have_an_older_name(text: str) -> None:
    assert parse_sweep(f"method: pcl\n{text}", "f.yaml").top == {
        "method": "pcl",
        "baselines": False,
    }


def test_blocks_and_dotted_keys_are_the_same() -> None:
    block = parse_sweep("grid: {pcl: {temperature: [1]}}\npretrain: {epochs: 3}", "f.yaml")
    dotted = parse_sweep("grid: {pcl.temperature: [1]}\npretrain: {epochs: 3}", "f.yaml")
    assert [s.grid["pcl.temperature"].value for s in block.settings] == [1]
    assert block == dotted
    assert block.overrides["pretrain.epochs"].where == "f.yaml, pretrain.epochs"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gird: 1", "unknown key 'gird' in f.yaml. Did you mean 'grid'"),
        ("runs: []", "Did you mean 'rows'"),
        ("- 1", "expected keys and values at the top level"),
        ("a: [", "not a YAML file"),
        ("grid: [1]", "f.yaml, grid: found '[1]'; expected keys with lists"),
        ("grid: {pcl.temperature: 0.1}", "f.yaml, grid, pcl.temperature: found '0.1'"),
        ("grid: {pcl.temperature: []}", "expected a list of values"),
        ("grid: {bakbone: [a]}", "unknown key 'bakbone' in f.yaml, grid. Did you mean 'backbone'"),
        ("grid: {seeds: [0, 1]}", "unknown key 'seeds'"),
        ("rows: {}", "expected a list of settings"),
        ("rows: [{method: pcl}]", "f.yaml, rows[0]: found '{'method': 'pcl'}'; expected at least"),
        ("rows: [{name: a}, {name: b, sets: {}}]",
         "unknown key 'sets' in f.yaml, rows[1]. Did you mean 'set'"),
        ("rows: [{name: a, set: [1]}]", "f.yaml, rows[0].set: found"),
        ("rows: [{name: a, published: {rafdb: high}}]", "rafdb is 'high'; expected a number"),
        ("rows: [{name: a, published: {rafdb: 1}, printed: {rafdb: 2}}]",
         "an older name of the same"),
        ("rows: [{name: a}, {name: a}]", "two rows are called 'a'"),
        ("rows: [{name: a, set: {pcl.temperature: 1}}]\ngrid: {pcl.temperature: [1]}",
         "the grid varies it, too"),
        ("floors: yes\nbaselines: no", "f.yaml: found baselines 'False' and floors 'True'"),
        ("baseline: no", "Did you mean 'baselines'"),
        ("table: five", "table is 'five'; expected a whole number"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_with_the_key(text: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_sweep(text, "f.yaml")
    assert message in str(error.value)


def test_a_missing_file_and_one_that_is_no_text_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        read_sweep(tmp_path / "absent.yaml")
    (tmp_path / "image.yaml").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(SpecError, match="not a YAML file"):
        read_sweep(tmp_path / "image.yaml")
