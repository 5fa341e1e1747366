"""Time of the batched augmentation of one view, compared with torchvision image by image.

    python benchmarks/augment.py --threads 2 --batch 256 --size 64

The stack is SimCLR's with PCL's Sobel filter. Times are wall clock, median and best of the
repetitions. Spinning threads make batched work many times slower if other processes use the cores:
on a shared machine set OMP_WAIT_POLICY=PASSIVE.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torchvision.transforms import v2

from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.pretrain.augment.transforms import (
    ColorJitter,
    Compose,
    Flip,
    GaussianBlur,
    Grayscale,
    Sobel,
)


def measure(run: Callable[[], object], repetitions: int) -> tuple[float, float]:
    """Return the median and the best wall time of a call, in milliseconds."""
    run()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times), min(times)


def torchvision_stack(size: int) -> v2.Compose:
    """The same stack from torchvision, without Sobel, which it lacks."""
    return v2.Compose(
        [
            v2.RandomResizedCrop(size, (0.2, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8),
            v2.RandomGrayscale(0.2),
            v2.RandomApply([v2.GaussianBlur(7, (0.1, 2.0))], p=0.5),
        ]
    )


def main() -> None:
    """Measure the whole stack, each of its steps, and torchvision."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(options.batch, 3, options.size, options.size, generator=generator)
    images = images.to(options.device)
    steps = (
        RandomResizedCrop(options.size, (0.2, 1.0)),
        Flip(0.5),
        ColorJitter(0.8, 0.8, 0.8, 0.2, p=0.8),
        Grayscale(0.2),
        GaussianBlur(7, p=0.5),
        Sobel(0.6),
    )
    one_by_one = torchvision_stack(options.size)

    def batched(step: Callable[[torch.Tensor, torch.Generator], torch.Tensor]) -> float:
        return float(step(images, generator)[0, 0, 0, 0])  # reading a value waits for the device

    rows: list[tuple[str, Callable[[], object]]] = [
        ("the whole stack", lambda: batched(Compose(steps))),
        *((type(step).__name__, lambda step=step: batched(step)) for step in steps),
        ("torchvision, per image", lambda: [one_by_one(image) for image in images]),
    ]
    for name, run in rows:
        median, best = measure(run, options.repetitions)
        print(f"{name:24s} median {median:8.2f} ms   best {best:8.2f} ms")


if __name__ == "__main__":
    main()
