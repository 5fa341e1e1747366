"""Ratios on a GPU within ten minutes: pretraining, extraction and probe, against plain code.

    python benchmarks/gpu.py

For a machine that is borrowed for a short time. Each line compares facebench with a plain way of
the same work, in one run:

- PCL and SimCLR: views of PIL in worker processes, fp32, contiguous, a pass for each objective
- extraction: the backbone alone, on tensors in memory
- probe: a loop of nn.Linear, a loss and Adam, one head at a time

A profile of PCL's step follows (the operations that take the most time), and one line of JSON. What
would start after ``--minutes`` is left out, and named. ``--tiny`` takes a few small images, for a
machine without a GPU.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import extraction
import numpy as np
import pcl_step
import probe
import torch
from PIL import Image
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, Dataset

from facebench.backbones import FaceCycle16
from facebench.config.spec import PretrainSpec
from facebench.method import Method, Terms
from facebench.pretrain.learner import Learner
from facebench.runtime.device import autocast, describe_device, resolve_device, resolve_precision
from facebench_methods._pcl_options import PCLOptions
from facebench_methods.pcl import PCL
from facebench_methods.simclr import SimCLR, SimCLROptions

SIZE = 64
Found = dict[str, Any]


class PairViews(Dataset[torch.Tensor]):
    """Two views of each image, made by torchvision on PIL images."""

    def __init__(self, faces: np.ndarray, options: Any) -> None:
        self.faces, self.augment = faces, pcl_step.augmentation(options)

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> torch.Tensor:
        face = Image.fromarray(self.faces[index])
        return torch.stack([self.augment(face), self.augment(face)])


def plain_pairs(
    method: SimCLR, faces: np.ndarray, batch: int, device: torch.device, workers: int
) -> Iterator[Terms]:
    """Yield the terms of SimCLR for views that workers make."""
    generator = torch.Generator().manual_seed(0)
    views = DataLoader(PairViews(faces, method.options), batch, num_workers=workers, drop_last=True)
    for pairs in views:
        yield method.loss(tuple(pairs.to(device).unbind(1)), generator)


class Steps(Learner):
    """The learner of every run, without Lightning's trainer."""

    def __init__(self, method: Method, batches: int) -> None:
        super().__init__(method, PretrainSpec(), 0, batches)
        (self.adam,), _ = self.configure_optimizers()

    current_epoch: Any = 0
    global_rank: Any = 0

    def optimizers(self, use_pl_optimizer: bool = True) -> Any:
        """Return Adam."""
        return self.adam

    def manual_backward(self, loss: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradients."""
        loss.backward()


def own_speed(method: Method, faces: np.ndarray, batch: int, device: torch.device) -> float:
    """Return images per second of facebench's steps; the first two warm up."""
    steps, marks = Steps(method, len(faces) // batch), []
    precision = resolve_precision("auto", device)
    steps.on_train_epoch_start()
    with autocast(device, precision):
        for number in range(len(faces) // batch):
            part = torch.from_numpy(faces[number * batch : (number + 1) * batch])
            part = part.pin_memory() if device.type == "cuda" else part
            steps.training_step(part.to(device, non_blocking=True).permute(0, 3, 1, 2), number)
            if number in (1, len(faces) // batch - 1):
                _wait(device)
                marks.append(time.perf_counter())
    return batch * (len(faces) // batch - 2) / (marks[1] - marks[0])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def of_pcl(device: torch.device, sizes: Found) -> Found:
    """Compare PCL's step with an implementation as in the released code."""
    options = PCLOptions(
        pose_images=sizes["pose_images"], negatives=sizes["negatives"], sobel_p=0.0
    )
    batch, faces = sizes["batch"], _faces((sizes["steps"] + 2) * sizes["batch"])
    few = faces[: (sizes["plain_steps"] + 1) * batch]
    plain = pcl_step.with_plain_decoder(PCL(FaceCycle16(), options, SIZE)).to(device)
    steps = pcl_step.plain_steps(plain, few, batch, device, sizes["workers"])
    slow = pcl_step.images_per_second(plain, steps, batch, device)
    own = PCL(FaceCycle16(), options, SIZE).to(device).to(memory_format=torch.channels_last)
    return _ratio(own_speed(own, faces, batch, device), slow)


def of_simclr(device: torch.device, sizes: Found) -> Found:
    """Compare SimCLR's step with views of workers in fp32."""
    options, batch = SimCLROptions(sobel_p=0.0), sizes["batch"]
    faces = _faces((sizes["steps"] + 2) * batch)
    few = faces[: (sizes["plain_steps"] + 1) * batch]
    plain = SimCLR(FaceCycle16(), options, SIZE).to(device)
    steps = plain_pairs(plain, few, batch, device, sizes["workers"])
    slow = pcl_step.images_per_second(plain, steps, batch, device)
    own = SimCLR(FaceCycle16(), options, SIZE).to(device).to(memory_format=torch.channels_last)
    return _ratio(own_speed(own, faces, batch, device), slow)


def of_extraction(device: torch.device, sizes: Found) -> Found:
    """Compare extraction from files with the backbone alone."""
    speeds = extraction.measure(sizes["images"], sizes["side"], 2, device)
    return _ratio(speeds["extract"], speeds["bare"])


def of_probe(device: torch.device, sizes: Found) -> Found:
    """Compare sixteen heads of a probe with sixteen plain loops."""
    found = probe.measure(sizes["rows"], sizes["width"], sizes["epochs"], 2, device)
    rows = sizes["rows"] * sizes["epochs"] * 16
    return _ratio(
        rows / found["sixteen_heads_seconds"], rows / (16 * found["plain_seconds"]), "rows"
    )


def profiled(device: torch.device, sizes: Found) -> str:
    """Return the operations of PCL's step that take the most time."""
    options = PCLOptions(pose_images=sizes["pose_images"], negatives=sizes["negatives"])
    method = PCL(FaceCycle16(), options, SIZE).to(device).to(memory_format=torch.channels_last)
    kinds = [ProfilerActivity.CPU]
    kinds += [ProfilerActivity.CUDA] if device.type == "cuda" else []
    own_speed(method, _faces(3 * sizes["batch"]), sizes["batch"], device)
    with profile(activities=kinds) as seen:
        own_speed(method, _faces(3 * sizes["batch"]), sizes["batch"], device)
    column = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    table: str = seen.key_averages().table(sort_by=column, row_limit=20, max_name_column_width=40)
    return table


def _ratio(own: float, plain: float, of: str = "images") -> Found:
    return {"ratio": own / plain, f"{of}_per_second": own, f"plain_{of}_per_second": plain}


def _faces(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (count, SIZE, SIZE, 3), dtype=np.uint8)


FULL: Found = {
    "batch": 256, "pose_images": 10, "negatives": 100, "steps": 40, "plain_steps": 3, "workers": 8,
    "images": 8192, "side": 100, "rows": 12271, "width": 6272, "epochs": 4,
}  # fmt: skip
TINY: Found = {
    "batch": 2, "pose_images": 1, "negatives": 1, "steps": 1, "plain_steps": 1, "workers": 0,
    "images": 2, "side": 32, "rows": 16, "width": 8, "epochs": 2,
}  # fmt: skip


def main(words: list[str] | None = None) -> None:
    """Print ratios and speeds, the profile, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which nothing is started")
    parser.add_argument("--tiny", action="store_true", help="a few small images")
    arguments = parser.parse_args(words)
    device, sizes = resolve_device(arguments.device), TINY if arguments.tiny else FULL
    started, found, left_out = time.perf_counter(), {}, []
    parts: dict[str, Callable[[torch.device, Found], Found]] = {
        "pcl": of_pcl, "simclr": of_simclr, "extraction": of_extraction, "probe": of_probe
    }  # fmt: skip
    for name, measure in parts.items():
        if time.perf_counter() - started > 60 * arguments.minutes:
            left_out.append(name)
            continue
        found[name] = measure(device, sizes)
        print(name, ", ".join(f"{key} {value:,.1f}" for key, value in found[name].items()))
    if time.perf_counter() - started <= 60 * arguments.minutes:
        print(profiled(device, sizes))
    else:
        left_out.append("profile")
    context = {"device": describe_device(device), "torch": torch.__version__, "sizes": sizes}
    print(json.dumps({**found, "left_out": left_out, **context}, sort_keys=True))


if __name__ == "__main__":
    main()
