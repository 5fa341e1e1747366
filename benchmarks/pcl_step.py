"""Speed of a PCL step relative to an implementation as in the released code.

Both compute the same step: face views of the whole batch, the PDD on the same images, pose pairs
with the same M, the same losses and the same optimiser.

- plain: views made image by image with torchvision on PIL images, in two worker processes; fp32
  tensors in contiguous layout; a decoder with separate upsampling and convolution
- facebench: views made in batches on the device; autocast to bf16 where the hardware gains from it;
  channels_last; a decoder that fuses both

Run ``python benchmarks/pcl_step.py [--steps N] [--batch B] [--negatives M]``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from facebench.backbones import FaceCycle16
from facebench.method import Method, Terms
from facebench.runtime.allocator import keep_freed_memory
from facebench.runtime.device import autocast, resolve_device, resolve_precision
from facebench_methods._pcl_options import PCLOptions
from facebench_methods._pdd import DoublingConv2d
from facebench_methods.pcl import PCL

SIZE = 64


def augmentation(options: PCLOptions) -> v2.Compose:
    """Return the options' views as torchvision transforms of one PIL image."""
    x = options.jitter
    return v2.Compose(
        [
            v2.RandomResizedCrop(SIZE, scale=(options.crop_scale, 1.0)),
            v2.RandomApply([v2.ColorJitter(x, x, x, options.hue)], p=options.jitter_p),
            v2.RandomGrayscale(options.grayscale_p),
            v2.RandomApply([v2.GaussianBlur(7, (0.1, 2.0))], p=options.blur_p),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )


class PlainViews(Dataset[list[torch.Tensor]]):
    """Per image: two face views, s and its flip, and for some two positives and M negatives."""

    def __init__(self, faces: np.ndarray, options: PCLOptions, batch: int) -> None:
        self.faces, self.options, self.batch = faces, options, batch
        self.augment = augmentation(options)
        self.tensor = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> list[torch.Tensor]:
        face = Image.fromarray(self.faces[index])
        flipped = face.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        place, options = index % self.batch, self.options
        pose: list[torch.Tensor] = []
        if place < options.pose_images:
            pose = [self.augment(face), self.augment(face)]
            pose += [self.augment(flipped) for _ in range(options.negatives)]
        pdd = [self.tensor(face), self.tensor(flipped)]
        if options.pdd_images and place >= options.pdd_images:
            pdd = []
        return [torch.stack([self.augment(face), self.augment(face)]), *map(_stack, (pdd, pose))]


def _stack(images: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(images) if images else torch.empty(0, 3, SIZE, SIZE)


def collate(items: list[list[torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return face, PDD and pose views in the order in which PCL's terms take them."""
    face, pdd, pose = ([item[k] for item in items if len(item[k])] for k in range(3))
    positives = [p[:2] for p in pose]
    negatives = [p[2:] for p in pose]
    return (
        torch.cat([torch.stack([v[k] for v in face]) for k in (0, 1)]),
        torch.cat([torch.stack([v[k] for v in pdd]) for k in (0, 1)]),
        torch.cat([*(torch.stack([v[k] for v in positives]) for k in (0, 1)), *negatives]),
    )


def with_plain_decoder(method: PCL) -> PCL:
    """Replace the fused layers of the decoder by upsampling and convolution."""
    blocks = method.decoder.blocks
    for place, layer in enumerate(blocks):
        if isinstance(layer, DoublingConv2d):
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1)
            plain.load_state_dict(layer.state_dict())
            blocks[place - 1] = nn.Upsample(scale_factor=2, mode="bilinear")
            blocks[place] = plain
    return method


def plain_steps(
    method: PCL, faces: np.ndarray, batch: int, device: torch.device, workers: int = 2
) -> Iterator[Terms]:
    """Yield the terms of each batch, views made by workers."""
    loader = DataLoader(
        PlainViews(faces, method.options, batch), batch, num_workers=workers, collate_fn=collate,
        drop_last=True,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    for face, pdd, pose in loader:
        yield {
            **method.pdd_terms(pdd.to(device), generator),
            **method.face_terms(face.to(device), generator),
            **method.pose_terms(pose.to(device), generator),
        }


def own_steps(method: PCL, faces: np.ndarray, batch: int, device: torch.device) -> Iterator[Terms]:
    """Yield the terms of each batch, views made in batches on the device."""
    precision = resolve_precision("auto", device)
    for start in range(0, len(faces) - batch + 1, batch):
        generator = torch.Generator().manual_seed(start)
        images = torch.from_numpy(faces[start : start + batch]).to(device).permute(0, 3, 1, 2)
        with autocast(device, precision):
            yield from method.steps(images.float().div_(255), generator)


def images_per_second(
    method: Method, steps: Iterator[Terms], batch: int, device: torch.device
) -> float:
    """Take every step; the first one warms up and is not counted."""
    adam = torch.optim.Adam(method.parameters(), lr=1e-4)
    marks = []
    for terms in steps:
        adam.zero_grad()
        torch.stack([term.float() for term in terms.values()]).sum().backward()
        adam.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        marks.append(time.perf_counter())
    return batch * (len(marks) - 1) / (marks[-1] - marks[0])


def main() -> None:
    """Print images per second of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--negatives", type=int, default=16)
    parser.add_argument("--pose-images", type=int, default=8)
    arguments = parser.parse_args()
    options = PCLOptions(
        pose_images=arguments.pose_images, negatives=arguments.negatives,
        pdd_images=arguments.batch // 4, sobel_p=0.0,
    )  # fmt: skip
    device, batch = resolve_device("auto"), arguments.batch
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 255, ((arguments.steps + 1) * batch, SIZE, SIZE, 3), dtype=np.uint8)
    torch.manual_seed(0)
    plain = with_plain_decoder(PCL(FaceCycle16(), options, SIZE)).to(device)
    speeds = {
        "plain": images_per_second(plain, plain_steps(plain, faces, batch, device), batch, device)
    }
    keep_freed_memory()
    own = PCL(FaceCycle16(), options, SIZE).to(device).to(memory_format=torch.channels_last)
    speeds["facebench"] = images_per_second(
        own, own_steps(own, faces, batch, device), batch, device
    )
    print(", ".join(f"{name} {speed:.1f} images/s" for name, speed in speeds.items()))
    print(json.dumps({"ratio": speeds["facebench"] / speeds["plain"], **speeds}))


if __name__ == "__main__":
    main()
