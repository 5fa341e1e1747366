"""The faults of ``benchmarks/faults.py``, all of them: no number changes without a word."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.nightly
def test_no_fault_changes_a_number_without_a_word(tmp_path: Path) -> None:
    report = tmp_path / "faults.json"
    subprocess.run(
        [sys.executable, "benchmarks/faults.py", "--json", str(report)], cwd=ROOT, check=True
    )
    outcomes = [one for kind in json.loads(report.read_text()).values() for one in kind]
    assert len(outcomes) >= 300
    assert not [one for one in outcomes if one["ended"] in ("silent", "traceback")]
