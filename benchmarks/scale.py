"""Memory and speed of extraction and probing of the largest tasks, with a limit of 4 GB.

DISFA and 300W-LP have about 130,000 images of 256 px, so F_s has 32,768 numbers an image: 8.5 GB in
float16. On generated data of that size (random features, random labels, random pixels), each in a
process of its own, with the peak memory above that after the imports:

- reading every row once in random batches, none of them kept in memory
- a probe with one head, and with a grid of 15, of 8 labels: seconds of an epoch
- both starting without the file in the system's cache
- the judgement of 8 action units in three folds, with one epoch
- extraction with a backbone of negligible cost (reading, writing), and with facecycle16 (memory)

Throughput is given as a share of what plain loops reach on the same disk (reading the file from
front to back, without and with the system's cache; writing it) and of copying in memory.

Run ``python benchmarks/scale.py [--folder DIR] [--quick]``: 9 GB of disk and about 10 minutes, or
with ``--quick`` a twentieth of it (of which the judgement reads nothing from disk). Linux only: it
reads /proc, and empties the cache of a file.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from facebench.backbones import Backbone, FaceCycle16
from facebench.config.spec import ExtractSpec, ProbeSpec
from facebench.evaluation.extract import extract
from facebench.evaluation.probe.buffers import empty_buffer
from facebench.evaluation.probe.feature_matrix import DEFAULT_MEMORY_BUDGET, FeatureMatrix
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.losses import BinaryCrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, epoch_batches, train_heads
from facebench.evaluation.protocol import judge
from facebench.evaluation.store import Features, FeatureWriter, read_features
from facebench.method import Method, MethodInfo
from facebench.progress import Silent
from facebench.runtime.allocator import keep_freed_memory
from facebench.runtime.workspace import Workspace
from facebench.task import NoOptions

ROWS, WIDTH, LABELS, SIDE = 130_000, 32_768, 8, 256
BLOCK = 512  # rows written and read at a time by the plain loops: 34 MB
LIMIT_GB = 4.0
SPEC = ProbeSpec(epochs=1)
GRID = [Head(lr, decay) for lr in SPEC.lrs for decay in SPEC.weight_decays]

Found = dict[str, float]


# Plain loops ------------------------------------------------------------------------------------


def write_plainly(path: Path, rows: int) -> float:
    """Write random features, the same block over and over, and return GB/s."""
    block = np.random.default_rng(0).standard_normal((BLOCK, WIDTH), np.float32).astype(np.float16)
    started = time.perf_counter()
    with path.open("wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (rows, WIDTH)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, rows, BLOCK):
            file.write(block[: rows - start].data)
        file.flush()
        os.fsync(file.fileno())
    return path.stat().st_size / 1e9 / (time.perf_counter() - started)


def read_plainly(path: Path) -> float:
    """Read a file from front to back and return GB/s."""
    buffer = bytearray(BLOCK * WIDTH * 2)
    started = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return path.stat().st_size / 1e9 / (time.perf_counter() - started)


def copy_plainly() -> float:
    """Copy memory and return GB/s of what was copied."""
    source, target = torch.ones(2**28), torch.zeros(2**28)
    started = time.perf_counter()
    for _ in range(4):
        target.copy_(source)
    return 4 * source.nbytes / 1e9 / (time.perf_counter() - started)


def forget(path: Path) -> None:
    """Make the system drop its cache of a file."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# In a process of its own --------------------------------------------------------------------------


def memory(which: str) -> int:
    """Return ``VmRSS``, the resident memory of this process, or ``VmHWM``, its peak, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) * 1024
    raise LookupError(which)


def apart(work: Callable[..., Found], *inputs: Any) -> Found:
    """Do some work in a new process and return what it found and its peak above the bare one."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, work, *inputs).result()


def _measured(work: Callable[..., Found], *inputs: Any) -> Found:
    bare = memory("VmRSS")
    found = work(*inputs)
    return {**found, "peak_gb": (memory("VmHWM") - bare) / 1e9, "bare_gb": bare / 1e9}


def reading(path: Path) -> Found:
    """Read every row in random batches, as a probe does; the first time without cache."""
    matrix = FeatureMatrix(np.load(path, mmap_mode="r"), memory_budget=0)
    buffer, generator = empty_buffer(SPEC.batch_size, WIDTH), torch.Generator().manual_seed(0)
    forget(path)
    ends = [time.perf_counter()]
    for _ in range(3):
        for _ in matrix.batches(epoch_batches(len(matrix), len(buffer), generator), buffer):
            pass
        ends.append(time.perf_counter())
    seconds = np.diff(ends)
    return {"cold_epoch_seconds": float(seconds[0]), "epoch_seconds": float(seconds[1:].min())}


def probe(path: Path, heads: list[Head], epochs: int) -> Found:
    """Train heads; the first epoch finds nothing in the system's cache."""
    values = np.load(path, mmap_mode="r")
    rows = len(values)
    budget = DEFAULT_MEMORY_BUDGET * rows // ROWS
    labels = np.random.default_rng(0).integers(0, 2, (rows, LABELS))
    started = time.perf_counter()
    matrix = FeatureMatrix(values, memory_budget=budget)
    loading = time.perf_counter() - started
    forget(path)
    ends = [time.perf_counter()]
    train_heads(
        matrix, labels, heads,
        loss=BinaryCrossEntropy(LABELS), settings=ProbeSettings(epochs=epochs), generator_seed=0,
        on_epoch=lambda *_: ends.append(time.perf_counter()),
    )  # fmt: skip
    seconds = np.diff(ends)
    return {
        "loading_seconds": loading,
        "share_in_memory": budget / values.nbytes,
        "cold_epoch_seconds": float(seconds[0]),
        "epoch_seconds": float(seconds[1:].min()),
    }


def judgement(path: Path) -> Found:
    """Run the protocol of action units in three folds, as for DISFA, with one epoch."""
    features = Features(np.load(path, mmap_mode="r"), (), 0.0)
    rows, rng = len(features.values), np.random.default_rng(0)
    targets = tuple(f"au{n}" for n in range(LABELS))
    subject = np.arange(rows) * 27 // rows
    table = pd.DataFrame({target: rng.integers(0, 2, rows) for target in targets})
    table = table.assign(
        path=[f"{n}.png" for n in range(rows)],
        split="test", fold=subject % 3, subject=subject.astype(str),
    )  # fmt: skip
    task = SimpleNamespace(
        info=SimpleNamespace(title="Generated", protocol="multilabel", targets=targets)
    )
    dataset: Any = SimpleNamespace(table=table, task=task)
    started = time.perf_counter()
    judge(dataset, features, SPEC, seed=0, progress=Silent())
    return {"seconds": time.perf_counter() - started}


class Samples(Backbone):
    """Every 16th pixel of every 16th line, repeated to the shape of F_s."""

    channels = 128

    def forward(self, images: Tensor) -> Tensor:
        """Return ``[B, 128, H/16, W/16]``."""
        return images[:, :, ::16, ::16].repeat(1, 43, 1, 1)[:, : self.channels]

    def feature_dim(self, image_size: int) -> int:
        """Return ``128 * (image_size / 16)**2``."""
        return self.channels * (image_size // 16) ** 2


class Bare(Method):
    """A backbone alone."""

    info = MethodInfo(
        name="bare", title="Bare", version=1, paper="none", year=2026, needs="nothing"
    )


class Pixels:
    """The interface of a dataset in extraction, with images cut from a block of noise."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.noise = np.random.default_rng(0).integers(0, 255, (2 * SIDE, SIDE, 3), np.uint8)

    def __len__(self) -> int:
        return self.count

    def image(self, row: int, size: int, scaling: Any = None) -> np.ndarray:
        """Return ``[size, size, 3]``; nothing is scaled."""
        return self.noise[row % SIDE : row % SIDE + size, :size]


def extraction(folder: Path, backbone: type[Backbone], images: int) -> Found:
    """Extract features of generated images."""
    keep_freed_memory()
    workspace = Workspace(cache=folder, results=folder, data=None, device=torch.device("cpu"))
    method = Bare(backbone(), NoOptions(), SIDE)
    pixels: Any = Pixels(images)
    started = time.perf_counter()
    extract(
        method, pixels, ExtractSpec(feature="f_s", image_size=SIDE), folder / "features",
        record={}, workspace=workspace, precision="32", skip_broken=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    gigabytes = read_features(folder / "features").values.nbytes / 1e9
    return {"seconds": seconds, "gb_per_second": gigabytes / seconds, "images": images}


# All of it ----------------------------------------------------------------------------------------


def measure(folder: Path, rows: int, backbone_images: int) -> dict[str, Found]:
    """Make the features, do everything with them, and say what was found."""
    path = folder / "features.npy"
    plain = {"write": write_plainly(path, rows)}
    forget(path)
    plain |= {"read_cold": read_plainly(path), "read_cached": read_plainly(path)}
    plain["copy"] = copy_plainly()
    found = {"plain_gb_per_second": plain}
    found["reading"] = _with_shares(apart(reading, path), rows, plain)
    for name, heads, epochs in (("one_head", GRID[:1], 3), ("grid_of_15", GRID, 2)):
        found[name] = _with_shares(apart(probe, path, heads, epochs), rows, plain)
    found["judgement"] = apart(judgement, path)
    path.unlink()
    result = apart(extraction, folder / "all", Samples, rows)
    found["extraction"] = result | {"share_of_writing": result["gb_per_second"] / plain["write"]}
    found["facecycle16"] = apart(extraction, folder / "few", FaceCycle16, backbone_images)
    return found


def _with_shares(found: Found, rows: int, plain: Found) -> Found:
    """Add throughput, in bytes of the file, and what share of plain loops it is."""
    gigabytes = rows * WIDTH * 2 / 1e9
    cold, cached = (gigabytes / found[key] for key in ("cold_epoch_seconds", "epoch_seconds"))
    return found | {
        "cold_gb_per_second": cold,
        "cold_share_of_reading": cold / plain["read_cold"],
        "gb_per_second": cached,
        "share_of_cached_reading": cached / plain["read_cached"],
        "share_of_copying": cached / plain["copy"],
    }


def main() -> None:
    """Print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description="Memory and throughput at 130,000 x 32,768.")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; default: $TMPDIR")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows")
    options = parser.parse_args()
    rows = ROWS // 20 if options.quick else ROWS
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        # Refuses a disk that is too small before anything is written.
        with FeatureWriter(Path(folder) / "store", (rows, WIDTH), "float16"):
            pass
        found = measure(Path(folder), rows, 64 if options.quick else 128)
    peaks = {name: part["peak_gb"] for name, part in found.items() if "peak_gb" in part}
    for name, part in found.items():
        print(name)
        for key, value in part.items():
            print(f"    {key:28}{value:10.3f}")
    print(f"highest peak above the bare process: {max(peaks.values()):.2f} of {LIMIT_GB:.0f} GB")
    context = {"rows": rows, "load_1min": os.getloadavg()[0], "threads": torch.get_num_threads()}
    print(json.dumps({**context, **found}, sort_keys=True))


if __name__ == "__main__":
    main()
