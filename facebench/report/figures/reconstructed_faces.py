"""Reconstructions of faces by the method of a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from facebench.data.stand_in import population
from facebench.errors import DataError, PluginError, SpecError
from facebench.method import Method
from facebench.registry import Registry
from facebench.results.saved_method import find_checkpoint, saved_method
from facebench.runtime.images import Pixels, crop_resize, read_image
from facebench.runtime.listing import images_below
from facebench.synth import FaceSampler, render

_SPREAD = 2.0  # spread of rendered poses, since flipping a frontal face would have no effect


@dataclass(frozen=True)
class Reconstructions:
    """What :func:`facebench.report.figures.reconstruction.draw_reconstructions` draws.

    Args:
        columns: Caption to images ``[B, S, S, 3]`` in [0, 1].
        title: Method, checkpoint, and source of the faces.
    """

    columns: dict[str, npt.NDArray[np.float32]]
    title: str


def reconstruct(
    checkpoint_path: Path,
    cache: Path,
    registry: Registry,
    *,
    images: Path | None = None,
    count: int = 6,
    seed: int = 0,
) -> Reconstructions:
    """Reconstruct faces from their features.

    Args:
        checkpoint_path: A checkpoint's folder, or a result's JSON file.
        cache: Folder of the checkpoints of results.
        registry: Registry of the method.
        images: Folder to choose faces from; None renders them.
        count: Number of faces; all of the folder if it has fewer.
        seed: Seed of the choice, or of the rendered persons.

    Raises:
        PluginError: The method draws no reconstructions; the message names those that do.
        FacebenchError: Checkpoint or images are not available.
    """
    if count < 1 or seed < 0:
        raise SpecError(f"found --count {count} and --seed {seed}; expected 1 and 0 or more.")
    checkpoint = find_checkpoint(checkpoint_path, cache)
    name = checkpoint.spec["method"]
    if not draws(registry.load("method", name)):
        raise PluginError(
            f"method '{name}' draws no reconstructions: it has no reconstructions(); expected a "
            f"checkpoint of one that has: {', '.join(drawing_methods(registry)) or 'none known'}."
        )
    method = saved_method(checkpoint, registry)
    size = method.image_size
    faces = rendered(count, size, seed) if images is None else chosen(images, count, size, seed)
    batch = torch.from_numpy(faces).permute(0, 3, 1, 2).float().div_(255)
    with torch.inference_mode():
        columns = method.reconstructions(batch)
    origin = "synthetic faces" if images is None else images.resolve().name
    return Reconstructions(
        {caption: _pixels(drawn) for caption, drawn in columns.items()},
        f"{method.info.title}, checkpoint {checkpoint.folder.resolve().name}, {origin}",
    )


def draws(cls: type[Method]) -> bool:
    """Return whether a method draws reconstructions."""
    return cls.reconstructions is not Method.reconstructions


def drawing_methods(registry: Registry) -> list[str]:
    """Return the names of the methods that draw; one that does not load draws nothing."""
    names = []
    for name in registry.names("method"):
        try:
            if draws(registry.load("method", name)):
                names.append(name)
        except PluginError:  # a defective third-party plugin, which is not needed here
            continue
    return names


def rendered(count: int, size: int, seed: int) -> Pixels:
    """Return faces of different people, uint8 ``[count, size, size, 3]``, none in a stand-in."""
    sampler = FaceSampler(population(f"reconstructions {seed}"))
    return render([sampler.face(i, pose_spread=_SPREAD) for i in range(count)], size)


def chosen(folder: Path, count: int, size: int, seed: int) -> Pixels:
    """Return some images of a folder, at any depth, in the order of their paths.

    Raises:
        DataError: There is no such folder, no image in it, or one cannot be read.
    """
    paths = images_below(folder)[0] if folder.is_dir() else []
    if not paths:
        raise DataError(f"--images {folder}: found no images; expected a folder of faces.")
    order = np.random.default_rng(seed).permutation(len(paths))[:count]
    return np.stack([crop_resize(read_image(folder / paths[i]), None, size) for i in sorted(order)])


def _pixels(drawn: torch.Tensor) -> npt.NDArray[np.float32]:
    return drawn.float().permute(0, 2, 3, 1).numpy()
