"""Count what a step of pretraining asks of a GPU: launches, copies, FLOP and bytes; needs none.

    python benchmarks/step_cost.py pcl simclr

The step is the code of every run at the settings of the paper (batch 256, 64 px, facecycle16; PCL:
P = 10, M = 100), on a device without values (facebench/testing/fake_device.py): views, loss,
gradients and Adam. FLOP are those of matrix products and convolutions; bytes those of all operands
and results of a launch, as if nothing stayed in a cache. The estimate of the time is the largest of
three: launches at 5 us each, FLOP and bytes at the rates given.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from facebench.backbones import FaceCycle16
from facebench.config.spec import PretrainSpec
from facebench.registry import Registry
from facebench.testing.device_check import step_events
from facebench.testing.fake_device import fake_device

LAUNCH = 5e-6  # seconds of the host for each, usual for eager PyTorch


class Cost:
    """Adds up what is launched.

    Attributes:
        flop: Number of floating-point operations of products and convolutions.
        bytes: Read and written by all launches.
        by_operation: Launches of each operation.
    """

    def __init__(self) -> None:
        self.flop, self.bytes = 0, 0
        self.by_operation: Counter[str] = Counter()

    def __call__(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Add one launch."""
        packet = func.overloadpacket
        self.by_operation[str(packet).removeprefix("aten.")] += 1
        if packet in flop_registry:
            self.flop += flop_registry[packet](*args, **kwargs, out_val=result)
        leaves = tree_leaves((args, kwargs, result))
        self.bytes += sum(leaf.nbytes for leaf in leaves if isinstance(leaf, Tensor))


def step_cost(name: str, batch: int, size: int, options: dict[str, Any] | None = None) -> Any:
    """Return what the second step of a method asks of the device.

    Args:
        name: Name of a method that learns without labels.
        batch: Images of a batch.
        size: Their side in pixels.
        options: Options of the method that differ from their defaults.
    """
    cls = Registry().load("method", name)
    method = cls(FaceCycle16(), cls.Options(**(options or {})), size)
    faces = torch.zeros(batch * method.batches_per_step, 3, size, size, dtype=torch.uint8)
    spec = PretrainSpec(batch_size=batch, image_size=size)
    with fake_device() as device:
        device.listeners.append(cost := Cost())
        before = Cost()
        events = step_events(
            device, method, faces, spec=spec, between=lambda: before.__dict__.update(
                flop=cost.flop, bytes=cost.bytes, by_operation=cost.by_operation.copy()
            ),
        )  # fmt: skip
    kinds = Counter(event.kind for event in events)
    copied = sum(event.bytes for event in events if event.kind == "copy")
    operations = cost.by_operation - before.by_operation
    return {
        "method": name,
        "batch": batch,
        "launches": kinds["launch"],
        "copies": kinds["copy"],
        "copied_bytes": copied,
        "waits": kinds["wait"],
        "tflop": (cost.flop - before.flop) / 1e12,
        "gigabytes": (cost.bytes - before.bytes) / 1e9,
        "most": dict(operations.most_common(8)),
    }


def main() -> None:
    """Print the cost of a step, and an estimate of its time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--tflops", type=float, default=300, help="of the GPU, reached, in bf16")
    parser.add_argument("--bandwidth", type=float, default=3.5, help="of the GPU, reached, TB/s")
    arguments = parser.parse_args()
    for name in arguments.methods:
        cost = step_cost(name, arguments.batch, arguments.size)
        parts = {
            "launch_ms": 1e3 * cost["launches"] * LAUNCH,
            "flop_ms": 1e3 * cost["tflop"] / arguments.tflops,
            "bytes_ms": cost["gigabytes"] / arguments.bandwidth,
        }
        estimate = max(parts.values())
        print(json.dumps({**cost, **parts, "estimate_ms": estimate}, sort_keys=False))


if __name__ == "__main__":
    main()
