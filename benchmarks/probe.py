"""Speed of the linear probe relative to a plain PyTorch training loop.

Three timings of the same work, softmax regression on [12271, 6272] float32 features (RAF-DB's
training split, PCL's F_s), 7 classes, batches of 256:

- plain: gather ``X[index]``, nn.Linear, CrossEntropyLoss, backward, torch.optim.Adam
- one head: ``train_heads`` with one head, which a protocol trains only beside others
- 16 heads: ``train_heads`` with 16 heads, to take at most 1/6 of 16 plain runs

Run ``python benchmarks/probe.py --epochs 10`` for a short answer; the default is the protocol's
300 epochs. The three are run alternately, so that other load on the machine affects them equally.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from facebench.evaluation.probe.buffers import empty_buffer
from facebench.evaluation.probe.device_rows import CPU
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.grid import Head
from facebench.evaluation.probe.losses import CrossEntropy
from facebench.evaluation.probe.training import ProbeSettings, train_heads

CLASSES, BATCH = 7, 256
RATES, DECAYS = (0.03, 0.01, 0.003, 0.001), (0.0, 1e-5, 1e-4, 1e-3)


def plain(features: torch.Tensor, labels: torch.Tensor, epochs: int) -> None:
    """The baseline: a plain training loop."""
    generator = torch.Generator().manual_seed(0)
    linear = nn.Linear(features.shape[1], CLASSES, device=features.device)
    optimiser = torch.optim.Adam(linear.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    criterion = nn.CrossEntropyLoss()
    for _ in range(epochs):
        order = torch.randperm(len(features), generator=generator)
        for start in range(0, len(features), BATCH):
            index = order[start : start + BATCH]
            loss = criterion(linear(features[index]), labels[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()


def probe(features: FeatureMatrix, labels: torch.Tensor, epochs: int, heads: list[Head]) -> None:
    """The same work by facebench."""
    settings = ProbeSettings(epochs=epochs, batch_size=BATCH)
    train_heads(
        features, labels, heads, loss=CrossEntropy(CLASSES), settings=settings, generator_seed=0
    )


def measure(
    rows: int, width: int, epochs: int, rounds: int, device: torch.device = CPU
) -> dict[str, float | int | str]:
    """Seconds of each run, and how much faster than plain it was; both have all rows there."""
    rng = np.random.default_rng(0)
    features = empty_buffer(rows, width)  # rows in memory, as after reading a store
    rng.standard_normal(dtype=np.float32, out=features.numpy())
    labels = torch.from_numpy(rng.integers(0, CLASSES, rows))
    grid = [Head(lr, decay) for lr in RATES for decay in DECAYS]
    there, labels_there = features.to(device), labels.to(device)
    matrix = FeatureMatrix(features, device=device)
    runs: dict[str, Callable[[int], None]] = {
        "plain": lambda epochs: plain(there, labels_there, epochs),
        "one_head": lambda epochs: probe(matrix, labels, epochs, [Head()]),
        "sixteen_heads": lambda epochs: probe(matrix, labels, epochs, grid),
    }
    for run in runs.values():
        run(1)  # pages, kernels and threads are warm before the clock starts
    seconds = dict.fromkeys(runs, 0.0)
    shares = [epochs * (n + 1) // rounds - epochs * n // rounds for n in range(rounds)]
    for share in filter(None, shares):
        for name, run in runs.items():
            start = time.perf_counter()
            run(share)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds[name] += time.perf_counter() - start
    return {
        "rows": rows,
        "width": width,
        "epochs": epochs,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "load_1min": os.getloadavg()[0],
        **{f"{name}_seconds": value for name, value in seconds.items()},
        "one_head_speedup": seconds["plain"] / seconds["one_head"],
        "sixteen_heads_speedup": len(grid) * seconds["plain"] / seconds["sixteen_heads"],
    }


def main() -> None:
    """Measure, print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description="Time the linear probe against the plain loop.")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=10, help="turns that the epochs are cut into")
    parser.add_argument("--rows", type=int, default=12271)
    parser.add_argument("--width", type=int, default=6272)
    found = measure(**vars(parser.parse_args()))
    print(f"{'':12}{'seconds':>10}{'faster than plain':>20}{'target':>8}")
    print(f"{'plain loop':12}{found['plain_seconds']:10.2f}")
    for title, name, target in (("one head", "one_head", ""), ("16 heads", "sixteen_heads", "6x")):
        seconds, speedup = found[f"{name}_seconds"], found[f"{name}_speedup"]
        print(f"{title:12}{seconds:10.2f}{speedup:19.2f}x{target:>8}")
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main()
