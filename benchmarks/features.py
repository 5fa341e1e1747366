"""Cost of all four features of a PCL checkpoint (Table 7), relative to one of them.

Processor seconds of ``facebench.evaluation.extract`` on rendered noise in memory, in one thread:
F_s alone, and F_s, F_f, F_p and F_f + F_p by one pass, in turns; the ratio is the median of those
of the turns, since another load on the machine makes both slower. Run ``python
benchmarks/features.py [--images N] [--size 100]``; expected: four cost at most 1.15 times one.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facebench.backbones import FaceCycle16
from facebench.config.spec import ExtractSpec
from facebench.evaluation.extract import Wanted, extract
from facebench.method import Method
from facebench.registry import Registry
from facebench.runtime.device import resolve_device, resolve_precision
from facebench.runtime.images import TORCHVISION, Scaling
from facebench.runtime.workspace import Workspace


class Noise:
    """The interface of a dataset in extraction, for images in memory."""

    def __init__(self, count: int, size: int) -> None:
        self.pixels = np.random.default_rng(0).integers(0, 255, (count, size, size, 3), np.uint8)

    def __len__(self) -> int:
        return len(self.pixels)

    def image(self, row: int, size: int, scaling: Scaling = TORCHVISION) -> np.ndarray:
        """Return one image."""
        image: np.ndarray = self.pixels[row]
        return image


def seconds(method: Method, images: Any, names: list[str], size: int) -> float:
    """Return the processor seconds of one extraction of some features."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, *others = [
            Wanted(ExtractSpec(feature=feature, image_size=size), folder / str(place), {})
            for place, feature in enumerate(names)
        ]
        device = resolve_device("auto")
        workspace = Workspace(cache=folder, results=folder, data=None, device=device)
        started = time.process_time()
        extract(
            method, images, first.spec, first.folder, record={}, workspace=workspace,
            precision=resolve_precision("auto", device), skip_broken=False, beside=others,
        )  # fmt: skip
        return time.process_time() - started


def main() -> None:
    """Print the seconds of one and of four features, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cls = Registry().load("method", "pcl")
    method = cls(FaceCycle16(), cls.Options(), 64)
    images = Noise(options.images, options.size)
    features = {"one": ["f_s"], "four": ["f_s", "f_f", "f_p", "f_f+f_p"]}
    seconds(method, images, features["one"], options.size)  # the first allocates memory
    turns = [
        {label: seconds(method, images, names, options.size) for label, names in features.items()}
        for _ in range(options.rounds)
    ]
    ratios = [turn["four"] / turn["one"] for turn in turns]
    print(json.dumps({
        "turns": turns, "ratio": statistics.median(ratios), "load": os.getloadavg()[0],
    }))  # fmt: skip


if __name__ == "__main__":
    main()
