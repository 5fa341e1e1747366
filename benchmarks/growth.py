"""Time and memory of packing, extraction and probing as the number of images grows.

    python benchmarks/growth.py [--most 65536] [--folder DIR]

Images and features are generated. Each measurement has a process of its own, and its memory is the
peak above that after the imports. Time is CPU time of all threads, since a disk or a machine that
others use would say more about these; it is to grow in step with the images (an exponent of 1), and
memory not at all: what is kept for each image is its row of a table. Linux only, since it reads
/proc.

- pack: pixels in memory to packed faces of 64 px
- extract: pixels of 64 px through a backbone of negligible cost, to a store of features
- probe: one epoch of a grid of 15 heads on features of 512 numbers, 16 MB of them kept in memory
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scale import BLOCK, GRID, Bare, Found, Pixels, Samples, apart
from torch import Tensor

from facebench.config.spec import ExtractSpec
from facebench.data.packed import pack
from facebench.data.sources import Source
from facebench.evaluation.extract import extract
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.losses import BinaryCrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, train_heads
from facebench.runtime.workspace import Workspace
from facebench.task import NoOptions

SIDE, WIDTH, LABELS = 64, 512, 8
BUDGET = 2**24  # bytes of features that a probe keeps in memory
LEAST = 1024


def packing(folder: Path, images: int) -> Found:
    """Pack generated images."""
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE + 64, 3), np.uint8)
    paths = [f"{n:07}.png" for n in range(images)]
    source = Source(
        name="generated", synthetic=True, frames=pd.DataFrame({"path": paths}),
        read=partial(_shifted, noise), digests=tuple(paths),
    )  # fmt: skip
    started = time.process_time()
    faces = pack(source, SIDE, folder / f"pack{images}")
    return {"seconds": time.process_time() - started, "images": len(faces)}


def _shifted(noise: np.ndarray, path: str) -> np.ndarray:
    start = int(path[:7]) % 64
    return np.ascontiguousarray(noise[:, start : start + SIDE])


def extraction(folder: Path, images: int) -> Found:
    """Extract features of generated images."""
    workspace = Workspace(cache=folder, results=folder, data=None, device=torch.device("cpu"))
    pixels: Any = Pixels(images)
    spec = ExtractSpec(feature="f_s", image_size=SIDE)
    started = time.process_time()
    extract(
        Bare(Samples(), NoOptions(), SIDE), pixels, spec, folder / f"features{images}",
        record={}, workspace=workspace, precision="32", skip_broken=False,
    )  # fmt: skip
    return {"seconds": time.process_time() - started, "images": images}


def probing(folder: Path, images: int) -> Found:
    """Train a grid of heads for an epoch on generated features."""
    path = folder / f"rows{images}.npy"
    rng = np.random.default_rng(0)
    block = rng.standard_normal((BLOCK, WIDTH), np.float32).astype(np.float16)
    with path.open("wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (images, WIDTH)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(0, images, BLOCK):
            file.write(block.data)
    matrix = FeatureMatrix(np.load(path, mmap_mode="r"), memory_budget=BUDGET)
    labels: Tensor = torch.from_numpy(rng.integers(0, 2, (images, LABELS)))
    started = time.process_time()
    train_heads(
        matrix, labels, GRID, loss=BinaryCrossEntropy(LABELS), settings=ProbeSettings(epochs=1),
        generator_seed=0,
    )  # fmt: skip
    return {"seconds": time.process_time() - started, "images": images}


PARTS = {"pack": packing, "extract": extraction, "probe": probing}


def growth(found: list[Found]) -> Found:
    """Return how time and memory grow from the second measurement to the last one.

    Args:
        found: Measurements of one part, with growing numbers of images.

    Returns:
        ``exponent`` of the time (1: linear), ``more_mb``: growth of the peak in MB, and
        ``bytes_per_image``: that growth for each image more.
    """
    first, last = found[min(1, len(found) - 2)], found[-1]
    ratio = last["images"] / first["images"]
    more = last["peak_gb"] - first["peak_gb"]
    return {
        "exponent": math.log(last["seconds"] / first["seconds"]) / math.log(ratio),
        "more_mb": 1e3 * more,
        "bytes_per_image": 1e9 * more / (last["images"] - first["images"]),
    }


def main(words: list[str] | None = None) -> None:
    """Print a line for each part and number of images, how they grow, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=65536, help="images; 1,024 times a power of 4")
    parser.add_argument("--least", type=int, default=LEAST)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; default: $TMPDIR")
    options = parser.parse_args(words)
    steps = max(1, round(math.log(options.most / options.least, 4)))
    counts = [options.least * 4**step for step in range(steps + 1)]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name, work in PARTS.items():
            rows = [apart(work, Path(folder), count) for count in counts]
            for row in rows:
                seconds, peak = row["seconds"], 1e3 * row["peak_gb"]
                print(f"{name:8} {row['images']:7,} images {seconds:8.2f} CPU s {peak:8.1f} MB")
            found[name] = {"rows": rows, **growth(rows)}
            of_time, more = found[name]["exponent"], found[name]["more_mb"]
            print(f"{name:8} time grows with exponent {of_time:.2f}, memory by {more:.1f} MB")
    print(json.dumps({"threads": torch.get_num_threads(), **found}, sort_keys=True))


if __name__ == "__main__":
    main()
