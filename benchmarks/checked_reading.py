"""Time of opening features with their check, as a share of reading them.

    python benchmarks/checked_reading.py
    python benchmarks/checked_reading.py --megabytes 2048 --rounds 9

Writes a feature store, then in each round reads its file plainly (system calls into one buffer,
nothing computed, from the memory of the system where it fits), opens the store as every run does
(record, seal, stamp of the file), and opens it once more after its stamp was forgotten, so that the
digest of the whole file is computed. Prints medians and ratios of the same rounds. Ends with status
1 if opening takes more than 3 % of reading.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from facebench.evaluation.store import VALUES, FeatureWriter, read_features
from facebench.runtime.stage_record import STAMPS

MOST = 0.03  # of the time of reading
_WIDTH = 8192  # values in a row
_BLOCK = 1 << 20  # bytes of one system call


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cost of the check when features are opened.")
    parser.add_argument("--megabytes", type=int, default=512, help="size of the features")
    parser.add_argument("--rounds", type=int, default=7, help="times that each is measured")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facebench-reading-") as folder:
        store = write_store(Path(folder) / "store", given.megabytes)
        rounds = [measure(store) for _ in range(given.rounds)]
    read, opened, digested = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"features of {given.megabytes} MB, medians of {given.rounds} rounds")
    print(f"plain reading               {1000 * read:9.2f} ms")
    for name, seconds in (("opening", opened), ("opening, whole digest", digested)):
        print(f"{name:27} {1000 * seconds:9.2f} ms  {100 * seconds / read:7.2f} % of reading")
    if opened > MOST * read:
        raise SystemExit(f"opening takes more than {MOST:.0%} of reading")


def write_store(folder: Path, megabytes: int) -> Path:
    """Write a feature store of random float16 values; return its folder."""
    rows = max(1, megabytes * 10**6 // (2 * _WIDTH))
    rng = np.random.default_rng(0)
    with FeatureWriter(folder, (rows, _WIDTH), "float16") as writer:
        for start in range(0, rows, 64):
            count = min(64, rows - start)
            writer.append(rng.random((count, _WIDTH), dtype=np.float32).astype(np.float16), [])
        writer.finish({"seconds": 0.0, "images": rows, "dim": _WIDTH})
    return folder


def measure(store: Path) -> tuple[float, float, float]:
    """Return the seconds of plain reading, of opening, and of opening without a known stamp."""
    read = _seconds(lambda: _read(store / VALUES))
    opened = _seconds(lambda: read_features(store))
    (store / STAMPS).unlink()
    return read, opened, _seconds(lambda: read_features(store))


def _read(file: Path) -> None:
    buffer = bytearray(_BLOCK)
    with file.open("rb", buffering=0) as stream:
        while stream.readinto(buffer):
            pass


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
