"""Methods that the paper's tables name stand in their printed rows, and not below the table."""

from types import SimpleNamespace
from typing import Any

import pytest

from facebench.registry import Registry
from facebench.report.reference import printed_layouts
from facebench.report.tables.lines import method_lines

ROWS = {
    "fabnet": {1: "FAb-Net", 3: "FAb-Net"},
    "tcae": {1: "TCAE", 3: "TCAE"},
    "temporal": {1: "BMVC'20"},
    "datta": {2: "VGG"},
    "splitbrain": {3: "SplitBrain"},
    "deformae": {3: "DeformAE"},
}


@pytest.mark.parametrize("name", ROWS)
def test_our_run_stands_beside_the_printed_row(name: str) -> None:
    title = Registry().load("method", name).info.title
    run: Any = SimpleNamespace(title=title, configuration={"options": {}})
    for number, printed in ROWS[name].items():
        layout = printed_layouts()[number]
        lines = method_lines(layout, [run], synthetic=False)
        (own,) = [line for line in lines if line.entry]
        assert own.name == printed
        assert own.section != layout.others
        assert own.printed
