"""Tries one small model of every architecture family of timm, and writes docs/backbones.md.

    python benchmarks/backbone_families.py try rows.jsonl      # continues where it was stopped
    python benchmarks/backbone_families.py table rows.jsonl    # writes docs/backbones.md

``try`` begins with the smallest model, and takes about half an hour of one core. A family has a
process of its own, which ends at a limit of time and one of memory. A row of the file is a trial
(``facebench/testing/backbone_trial.py``) with the family, and the versions that it holds for.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import signal
import sys
from dataclasses import asdict
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import timm
import torch

import facebench.pretrain.engine  # noqa: F401 - before the processes of the trials start
from facebench.registry import Registry
from facebench.testing.backbone_trial import LEARNERS, STEPS, try_backbone

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/backbones.md"
MARK = "<!-- written by benchmarks/backbone_families.py -->"
LONGEST = 900  # seconds of one core that a family may take
MEMORY = 12 * 2**30  # bytes that it may take
TOO_MUCH = f"it takes more than {LONGEST} s or {MEMORY / 2**30:.0f} GiB"
LACKING = "Not tried yet: "
# In messages of torch's allocator, of safetensors' map, and of a checkpoint that was cut short.
NO_MEMORY = ("can't allocate memory", "cannot allocate memory", "unexpected pos")

sys.path.insert(0, str(ROOT / "tests"))
from timm_families import SMALLEST  # noqa: E402 - the list that the nightly test uses, too


def try_all(rows: Path, families: list[str]) -> None:
    """Append a row for each of the families that has none yet."""
    done = {row["family"] for row in read(rows)}
    registry = Registry()
    for name in LEARNERS:  # the processes of the trials then import nothing again
        registry.load("method", name)
    for family in families:
        if family in done:
            continue
        learners = [*LEARNERS]
        trial = try_within_limits(f"timm:{SMALLEST[family]}", registry, learners)
        while TOO_MUCH in str(trial.get("refused")) and learners:  # then with fewer methods
            learners.pop()
            trial = try_within_limits(f"timm:{SMALLEST[family]}", registry, learners)
        row = {"family": family, **trial, "timm": timm.__version__, "torch": torch.__version__}
        with rows.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)


def try_within_limits(backbone: str, registry: Registry, learners: list[str]) -> dict[str, Any]:
    """Try a backbone in a process of its own, which ends at the limits of time and memory."""
    context = multiprocessing.get_context("fork")  # what is imported needs no second time
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=send_trial, args=(backbone, registry, learners, sender))
    process.start()
    sender.close()
    try:
        trial: dict[str, Any] = receiver.recv()
    except EOFError:  # it was ended
        process.join()
        trial = {"backbone": backbone, **ending(process)}
    process.join()
    said = f"{trial.get('refused')} {trial.get('defect')}".lower()
    if any(words in said for words in NO_MEMORY):
        return {"backbone": backbone, "refused": f"not tried to the end: {TOO_MUCH}"}
    return trial


def send_trial(backbone: str, registry: Registry, learners: list[str], sender: Connection) -> None:
    """Try a backbone, and send the trial as a mapping; the limits hold for the whole process."""
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    try:
        trial = asdict(try_backbone(backbone, registry, learners))
    except Exception as error:  # a defect, which the table shows as one
        trial = {"backbone": backbone, "defect": f"{type(error).__name__}: {error}"}
    sender.send(trial)


def ending(process: BaseProcess) -> dict[str, str]:
    """Return why a process ended early, as a part of a row."""
    if process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"refused": f"not tried to the end: {TOO_MUCH}"}
    code = process.exitcode or 0
    name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    return {"defect": f"its process ended with {name}; a signal is a crash in compiled code"}


def read(rows: Path) -> list[dict[str, Any]]:
    """Return the rows of a file; none if it does not exist."""
    return [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []


def line(row: dict[str, Any]) -> str:
    """Return a row of the table."""
    size = f"{row['parameters'] / 1e6:.1f}" if row.get("parameters") else "–"
    sides = f"{row['learned_at']} | {row['judged_at']}" if row.get("judged_at") else "– | –"
    form = " × ".join(map(str, row.get("map", ()))) or "–"
    return f"| {row['family']} | `{row['backbone']}` | {size} | {sides} | {form} | {outcome(row)} |"


def outcome(row: dict[str, Any]) -> str:
    """Return in words whether the model is used, at which sizes, or why not."""
    if row.get("defect"):
        return f"defect: {row['defect']}".replace("|", "/").replace("\n", " ")
    if row["refused"]:
        why = row["refused"].replace("|", "/").replace("\n", " ")
        return why if why.startswith("not tried") else f"refused: {why}"
    still = [name for name, share in row["learned"].items() if not share]
    if still or not row["imported"]:
        return "fails: " + ", ".join([*still, *([] if row["imported"] else ["import"])])
    left_out = [name for name in LEARNERS if name not in row["learned"]]
    but = f"; {', '.join(left_out)} not tried to the end: {TOO_MUCH}" if left_out else ""
    if row["one_size"]:
        return f"works, at one size: it learns and is evaluated at that of the task{but}"
    if not row["learned"]:
        return f"gives features and takes its own weights{but}"
    changed = [row["learned_at"] != 32, row["judged_at"] != 100]
    return f"works, at the nearest sizes{but}" if any(changed) else f"works{but}"


def write_table(rows: Path) -> None:
    """Replace the table of docs/backbones.md by that of the rows."""
    found = sorted(read(rows), key=lambda row: row["family"])
    lacking = [family for family in SMALLEST if family not in {row["family"] for row in found}]
    if not found:
        sys.exit(f"{rows}: no rows; run `python {sys.argv[0]} try {rows}` first.")
    works = sum(outcome(row).startswith("works") for row in found)
    versions = ", ".join(sorted({f"timm {r['timm']} with torch {r['torch']}" for r in found}))
    table = [
        f"{works} of {len(found)} models work in {versions}; the methods learned {STEPS} steps.",
        "",
        "| family | model | million parameters | learns at, px | evaluated at, px | map "
        "| outcome |",
        "|---|---|---|---|---|---|---|",
        *map(line, found),
    ]
    if lacking:
        table += ["", f"{LACKING}{', '.join(lacking)}."]
    before = PAGE.read_text().split(MARK)[0]
    PAGE.write_text(before + MARK + "\n\n" + "\n".join(table) + "\n")


def main() -> None:
    """Run a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("try", "table"))
    parser.add_argument("rows", type=Path, help="file of the rows, JSON lines")
    parser.add_argument(
        "families", nargs="*", choices=[*SMALLEST, []], default=[], metavar="FAMILY",
        help="families to try, by default all",
    )  # fmt: skip
    arguments = parser.parse_args()
    if arguments.command == "try":
        try_all(arguments.rows, arguments.families or list(SMALLEST))
    else:
        write_table(arguments.rows)


if __name__ == "__main__":
    main()
