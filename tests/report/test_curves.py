"""Training curves in the terminal and as a figure."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from rich.console import Console

from facebench.errors import DataError
from facebench.report.curves import WIDTH, curves, curves_table, sparkline
from facebench.report.figures.curve import label, training_curves
from facebench.report.figures.drawing import write

HISTORY: list[dict[str, Any]] = [
    {"L_dis": 1.0 - epoch / 8, "L_face": 8.0, "feature_std": 0.5, "gradient_norm": 2.0,
     "images_per_second": 50.0, "lr": 0.001, "weight_L_face": 1.0}
    for epoch in range(5)
]  # fmt: skip


def shown(history: list[dict[str, Any]]) -> list[str]:
    table = curves_table(history)
    assert table is not None
    console = Console(width=100, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table)
    console.file.close()
    return [line for line in console.export_text().splitlines() if line.strip()]


def test_every_column_is_a_line_losses_first() -> None:
    lines = shown(HISTORY)
    assert "5 epochs" in lines[0]
    names = [line.split()[0] for line in lines[3:]]
    assert names == ["L_dis", "L_face", "weight_L_face", "lr", "gradient_norm", "feature_std",
                     "images_per_second"]  # fmt: skip
    assert lines[3].split() == ["L_dis", "█▇▅▃▁", "1", "0.5", "0.5"]


def test_nothing_learned_is_nothing_shown() -> None:
    assert curves_table([]) is None
    assert curves_table([{}, {}]) is None


def test_a_term_of_one_stage_has_gaps_in_the_other() -> None:
    history = [{"L_rec": 3.0}, {"L_rec": 1.0, "L_id": 5.0}, {"L_id": 2.0}]
    found = {curve.name: curve.values for curve in curves(history)}
    assert found["L_rec"][:2] == (3.0, 1.0)
    assert math.isnan(found["L_rec"][2])
    line = next(line for line in shown(history) if "L_rec" in line)
    assert line.split() == ["L_rec", "█▁", "3", "–", "1"]


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=200))
def test_a_sparkline_is_short_and_spans_its_blocks(values: list[float]) -> None:
    line = sparkline(values)
    there = [value for value in values if not math.isnan(value)]
    assert len(line) == (min(len(values), WIDTH) if there else 0)
    if len(set(there)) > 1 and len(values) <= WIDTH:
        assert line[values.index(max(there))] == "█"
        assert line[values.index(min(there))] == "▁"
        assert [block == " " for block in line] == [math.isnan(value) for value in values]


def test_a_long_history_is_averaged() -> None:
    assert sparkline([0.0] * 50 + [1.0] * 50, width=4) == "▁▁██"
    assert sparkline([0.0, 1.0] * 50, width=5) == "▁▁▁▁▁"


@pytest.mark.parametrize("kind", [pytest.param("png", marks=pytest.mark.nightly), "svg"])
def test_the_same_history_gives_the_same_figure(tmp_path: Path, kind: str) -> None:
    first, again = tmp_path / f"a.{kind}", tmp_path / f"b.{kind}"
    write(training_curves(HISTORY, "run"), first)
    write(training_curves(HISTORY, "run"), again)
    assert first.read_bytes() == again.read_bytes()
    write(training_curves(HISTORY[:3], "run"), again)
    assert first.read_bytes() != again.read_bytes()


def test_names_are_set_as_the_paper_does() -> None:
    assert label("L_dis") == label("weight_L_dis") == r"$L_{\mathrm{dis}}$"
    assert label("gradient_norm") == "gradient norm"
    assert label("lr") == "lr"


def test_a_single_epoch_is_points_and_not_empty_axes() -> None:
    figure = Figure()
    training_curves(HISTORY[:1], "run").paint(figure)
    assert figure.axes
    for panel in figure.axes:
        for line in panel.lines:
            assert np.size(line.get_xdata()) == 1
            assert line.get_marker() == "o"
    assert figure.axes[-1].get_xticks().tolist() == [1]  # and no part of an epoch


def test_a_figure_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="nothing was learned"):
        training_curves([], "random")
