"""Results are read by attributes: their keys are known in ``facebench/results`` alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from facebench.results.record import Record

ROOT = Path(__file__).parents[2]
KEYS = Record.model_fields.keys() - {"format"}  # which every record has
OF_FAULTS = ("benchmarks/fault_kinds/world.py", "benchmarks/fault_kinds/damage.py")
"""They read and edit the JSON behind the models."""


def lookups(source: str) -> Iterator[str]:
    """Yield every ``record["KEY"]`` and ``record.get("KEY")`` of a key that results have."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript):
            holder, key = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            holder, key = node.func.value, node.args[0]
            if node.func.attr != "get":
                continue
        else:
            continue
        name = getattr(holder, "id", getattr(holder, "attr", ""))
        known = isinstance(key, ast.Constant) and key.value in KEYS
        if known and name in ("record", "result", "stored"):
            yield ast.unparse(node)


def test_lookups_are_found() -> None:
    source = 'x = result.record["task"]["name"], record["scores"], record.get("spec"), a["task"]'
    assert set(lookups(source)) == {
        "result.record['task']", "record['scores']", "record.get('spec')"
    }  # fmt: skip


def test_no_key_of_a_result_is_looked_up_outside_its_package() -> None:
    found = {}
    for folder in ("facebench", "methods", "tasks", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith("facebench/results/") or name in OF_FAULTS:
                continue
            if lines := list(lookups(path.read_text(encoding="utf-8"))):
                found[name] = lines
    assert found == {}
