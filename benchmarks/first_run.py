"""Time and memory of the README's first run, from an empty cache and without data.

Limits: 8 minutes and 6 GB on two cores. Run ``python benchmarks/first_run.py``; it takes minutes.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

COMMAND = [sys.executable, "-m", "facebench.cli", "run", "--method", "pcl", "--task", "rafdb"]


def main() -> None:
    """Print seconds and peak memory of the largest process."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {k: v for k, v in os.environ.items() if k != "FACEBENCH_DATA"}
        environment["FACEBENCH_CACHE"] = f"{folder}/cache"
        started = time.perf_counter()
        subprocess.run(COMMAND, env=environment, cwd=folder, check=True)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # KiB on Linux
    print(f"{seconds / 60:.1f} of 8 minutes, {peak:.1f} of 6 GiB")
    print(json.dumps({"seconds": seconds, "peak_gib": peak}))


if __name__ == "__main__":
    main()
