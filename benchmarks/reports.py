"""Seconds of leaderboard, table and validation over many results, the first time and again.

Results are fabricated from those of ``results/measured``: the same predictions and scores under
other pretraining options and hashes, so each of them is valid and an entry of its own. Each command
is a process of its own: twice, since what is resampled and validated is kept in the cache, which
is empty at first. The project is compiled, as where it is installed. CPU seconds of the process and
those that it starts, and its peak memory.

Run ``python benchmarks/reports.py [--counts 100,1000,5000] [--commands leaderboard,table]``. Of
1,000 results each is to take less than 10 s on two cores; what takes more is printed last.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import facebench
from facebench.config.spec import digest
from facebench.results.store import ResultStore, read_result, result_key

MEASURED = Path(__file__).parents[1] / "results" / "measured"
COMMANDS = {
    "leaderboard": ["leaderboard", "--format", "html", "--out", "board.html"],
    "table": ["table", "1"],
    "validate": ["results", "validate", "results"],
}
LIMIT = 10.0  # seconds over 1,000 results, the first time and again


def fabricate(root: Path, count: int) -> None:
    """Write valid results, copies of the measured ones that learned for other numbers of epochs."""
    learned = [
        result
        for path in sorted(MEASURED.glob("*/*.json"))
        if (result := read_result(path)).record.pretrain.data is not None
    ]
    for number, result in enumerate(islice(cycle(learned), count)):
        features = digest([result.record.stages.features, number])
        spec = result.spec
        key = result_key(
            result.record.task.protocol, features, spec.probe.plain(),
            seed=spec.seed, dedup_test=spec.dedup_test,
        )  # fmt: skip
        copy: dict[str, Any] = json.loads(result.path.read_text(encoding="utf-8"))
        copy["spec"]["pretrain"]["epochs"] += number // len(learned)
        copy["stages"].update(features=features, result=key)
        # Another file, which is not known by its digest.
        predictions = result.predictions.assign(copy=number)
        ResultStore(root).write(spec, key, copy, predictions)  # type: ignore[arg-type]


def timed(folder: Path, command: list[str]) -> dict[str, float]:
    """Run a command in a process and return its seconds and its peak memory in GB."""
    program = "import sys; from facebench.cli import main; sys.argv[0] = 'facebench'; main()"
    given_by_user = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment = given_by_user | {"FACEBENCH_CACHE": str(folder / "cache")}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    given = [] if command[0] == "results" else ["--results", "results"]
    subprocess.run(
        [sys.executable, "-c", program, *command, *given],
        cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_gb": after.ru_maxrss / 1e6,  # the highest of all processes so far
    }


def main() -> None:
    """Print a line for each count, command and time, and one line of JSON."""
    parser = argparse.ArgumentParser(description="Reports over many results.")
    parser.add_argument("--counts", default="100,1000,5000")
    parser.add_argument("--commands", default=",".join(COMMANDS))
    options = parser.parse_args()
    compileall.compile_dir(Path(facebench.__file__).parent, quiet=1)
    found = []
    for count in map(int, options.counts.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            fabricate(Path(folder) / "results", count)
            for name in options.commands.split(","):
                for which in ("first", "again"):
                    seconds = timed(Path(folder), COMMANDS[name])
                    found.append({"results": count, "command": name, "time": which, **seconds})
                    values = "".join(f"{key:>14} {seconds[key]:8.2f}" for key in seconds)
                    print(f"{count:6,} {name:12} {which:6}{values}", flush=True)
    slow = [one for one in found if one["results"] == 1000 and one["seconds"] > LIMIT]
    print(json.dumps({"load_1min": os.getloadavg()[0], "found": found, "above the limit": slow}))


if __name__ == "__main__":
    main()
