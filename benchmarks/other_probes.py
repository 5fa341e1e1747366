"""Cost of the other probes of a classification, relative to the linear one.

Processor seconds in one thread, on random features of the size of FER-2013 (28,709 training and
3,589 test images, seven classes). The linear probe is measured for a few epochs, and its time is
scaled to all of them. Run ``python benchmarks/other_probes.py [--width 512] [--epochs 10]``;
expected: each of the others costs less than a tenth of the linear one.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.protocol import judge
from facebench.evaluation.store import Features
from facebench.progress import Silent
from facebench.registry import Registry

TRAIN, TEST = 28709, 3589


def faces(width: int, share: float) -> tuple[Dataset, Features]:
    """Return a table like that of FER-2013, and features that overlap."""
    rng = np.random.default_rng(0)
    train, test = round(share * TRAIN), round(share * TEST)
    labels = rng.integers(0, 7, train + test)
    values = rng.normal(size=(train + test, width)).astype(np.float32)
    values[:, :7] += 2 * np.eye(7, dtype=np.float32)[labels]
    paths = [f"{n}.png" for n in range(train + test)]
    table = pd.DataFrame(
        {"path": paths, "label": labels, "split": ["train"] * train + ["test"] * test}
    )
    task: Any = SimpleNamespace(info=Registry().load("task", "fer2013").info)
    return Dataset(task, Path(), False, table, None, tuple(paths)), Features(values, (), 0.0)


def seconds(data: tuple[Dataset, Features], spec: ProbeSpec) -> float:
    """Return the processor seconds of one judgement."""
    started = time.process_time()
    judge(*data, spec, seed=0, progress=Silent())
    return time.process_time() - started


def main() -> None:
    """Print the seconds of each probe, and their ratios to the linear one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--share", type=float, default=1.0, help="of the images")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = faces(options.width, options.share)
    seconds(faces(8, 0.01), ProbeSpec(epochs=1))  # imports, and kernels that are compiled once
    fixed = seconds(data, ProbeSpec(epochs=1))
    measured = seconds(data, ProbeSpec(epochs=1 + options.epochs))
    linear = fixed + (measured - fixed) * (ProbeSpec().epochs - 1) / options.epochs
    others = {kind: seconds(data, ProbeSpec(kind=kind)) for kind in ("knn", "fewshot", "centroid")}
    print(json.dumps({"linear": linear, **others}))
    print(json.dumps({f"{kind} to linear": value / linear for kind, value in others.items()}))


if __name__ == "__main__":
    main()
