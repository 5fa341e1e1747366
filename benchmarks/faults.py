"""Makes faults of every kind while a tiny run is under way or on disk, and says what came of them.

    python benchmarks/faults.py                       # all of them; about an hour of one core
    python benchmarks/faults.py --kind "file damage"  # one kind
    python benchmarks/faults.py --json faults.json    # each fault with what was said

Prints a table in Markdown: how many faults were tried, how many ended in the same numbers as
without them or in one line that says what is wrong, how many in a traceback, and how many changed
a number without a word. Ends with status 1 if there is any of the last.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from fault_kinds.damage import (
    changed_bytes,
    damaged_cache,
    damaged_results,
    edited_boards,
    edited_json,
)
from fault_kinds.operations import (
    full_disks,
    input_errors,
    kills,
    read_only,
    short_files,
)
from fault_kinds.processes import several_processes
from fault_kinds.world import Outcome, World, import_everything

FaultKind = Callable[[World], Iterator[Outcome]]
KINDS: dict[str, FaultKind] = {
    "SIGKILL before a file operation": kills,
    "disk full at a file operation": full_disks,
    "input/output error at a file operation": input_errors,
    "file size limit": short_files,
    "read-only folders": read_only,
    "several processes": several_processes,
    "file of the cache damaged": damaged_cache,
    "file of a result damaged": damaged_results,
    "single byte changed": changed_bytes,
    "value of a JSON edited": edited_json,
    "edited result, each reader": edited_boards,
}


def main() -> None:
    """Make the faults that were asked for and print the table."""
    parser = argparse.ArgumentParser(description="Inject faults; see the head of this file.")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="may be repeated")
    parser.add_argument("--json", type=Path, help="write every outcome there")
    given = parser.parse_args()
    import_everything()
    outcomes: dict[str, list[Outcome]] = {}
    with tempfile.TemporaryDirectory(prefix="facebench-faults-") as folder:
        world = World(Path(folder))
        for name in given.kind or KINDS:
            outcomes[name] = list(KINDS[name](world))
            print(f"{name}: {len(outcomes[name])}", file=sys.stderr, flush=True)
            if given.json is not None:
                whole = {kind: [asdict(one) for one in found] for kind, found in outcomes.items()}
                given.json.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    print(table(outcomes))
    if any(one.ended == "silent" for found in outcomes.values() for one in found):
        raise SystemExit(1)


def table(outcomes: dict[str, list[Outcome]]) -> str:
    """Return the counts of each kind as a table in Markdown."""
    ends = ("same", "refused", "traceback", "silent")
    lines = [
        "| fault | tried | survived: same numbers | refused in one line | traceback | silent |",
        "| :-- | --: | --: | --: | --: | --: |",
    ]
    total: Counter[str] = Counter()
    for name, found in outcomes.items():
        counts = Counter(one.ended for one in found)
        total += counts
        lines.append(f"| {name} | {len(found)} | {' | '.join(str(counts[e]) for e in ends)} |")
    cells = " | ".join(str(total[end]) for end in ends)
    return "\n".join([*lines, f"| all | {total.total()} | {cells} |"])


if __name__ == "__main__":
    main()
