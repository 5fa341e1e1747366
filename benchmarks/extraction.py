"""Speed of extraction relative to the backbone alone.

Two timings in turn, on the same images and in the same precision:

- bare: ``facecycle16`` on random tensors in memory
- extract: ``facebench.evaluation.extract`` on JPEG files: read, decode, resize, compute, store

Run ``python benchmarks/extraction.py [--images N] [--size 100]``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter

from facebench.backbones import FaceCycle16
from facebench.config.spec import ExtractSpec
from facebench.evaluation.extract import extract
from facebench.method import Method, MethodInfo
from facebench.runtime.allocator import keep_freed_memory
from facebench.runtime.device import autocast, resolve_device, resolve_precision
from facebench.runtime.images import TORCHVISION, Scaling, crop_resize, read_image
from facebench.runtime.workspace import Workspace
from facebench.task import NoOptions


class Bare(Method):
    """The backbone alone."""

    info = MethodInfo(
        name="bare", title="Bare", version=1, paper="none", year=2026, needs="nothing"
    )


class Photos:
    """The interface of a dataset in extraction, for a folder of JPEG files."""

    def __init__(self, folder: Path, count: int) -> None:
        self.paths = [folder / f"{n}.jpg" for n in range(count)]
        rng = np.random.default_rng(0)
        for path in self.paths:
            noise = Image.fromarray(rng.integers(0, 255, (100, 100, 3), dtype=np.uint8))
            noise.filter(ImageFilter.GaussianBlur(2)).save(path, quality=90)

    def __len__(self) -> int:
        return len(self.paths)

    def image(self, row: int, size: int, scaling: Scaling = TORCHVISION) -> np.ndarray:
        """Read one image as the datasets do."""
        return crop_resize(read_image(self.paths[row]), None, size, scaling)


def measure(images: int, size: int, rounds: int, device: torch.device) -> dict[str, float]:
    """Return the best images per second of ``bare`` and ``extract``, in turns."""
    precision = resolve_precision("auto", device)
    method = Bare(FaceCycle16(), NoOptions(), size).eval()
    method = method.to(device).to(memory_format=torch.channels_last)
    spec = ExtractSpec(feature="f_s", image_size=size)
    count = min(spec.batch_size, images)
    batch = torch.rand(count, 3, size, size, device=device)
    batch = batch.to(memory_format=torch.channels_last)
    speeds: dict[str, list[float]] = {"bare": [], "extract": []}
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        photos: Any = Photos(Path(folder), images)
        workspace = Workspace(cache=Path(folder), results=Path(folder), data=None, device=device)
        for turn in range(rounds):
            started = time.perf_counter()
            with torch.inference_mode(), autocast(device, precision):
                for _ in range(images // count):
                    method.encode(batch)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            speeds["bare"].append(images // count * count / (time.perf_counter() - started))
            started = time.perf_counter()
            extract(
                method, photos, spec, Path(folder) / f"features{turn}",
                record={}, workspace=workspace, precision=precision, skip_broken=False,
            )  # fmt: skip
            speeds["extract"].append(images / (time.perf_counter() - started))
    return {name: max(values) for name, values in speeds.items()}


def main() -> None:
    """Print images per second of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    device = resolve_device("auto")
    speeds = measure(options.images, options.size, options.rounds, device)
    print(", ".join(f"{name} {speed:.1f} images/s" for name, speed in speeds.items()))
    ratio, precision = speeds["extract"] / speeds["bare"], resolve_precision("auto", device)
    print(json.dumps({"ratio": ratio, **speeds, "precision": precision}))


if __name__ == "__main__":
    main()
