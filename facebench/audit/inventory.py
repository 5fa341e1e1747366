"""Inventory of the datasets: location, real or synthetic, complete or not.

Tables are read, but no image is opened and no file is hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facebench.data.finding import VOXCELEB as VOXCELEB_FOLDER
from facebench.data.finding import find_real, nearest_folders
from facebench.data.manifest import check_table
from facebench.data.speakers import speaker_folders
from facebench.data.stand_in import rendered_limit
from facebench.errors import DataError, FacebenchError
from facebench.protocol import table_protocol
from facebench.registry import Registry
from facebench.runtime.listing import folder_called
from facebench.synth.marker import MARKER
from facebench.task import SPLITS, Task

OBTAIN = "how to get it"
VOXCELEB = (
    ("pretraining data", "VoxCeleb1 and VoxCeleb2: video frames of speakers' faces"),
    ("licence", "research; the photographs belong to their owners"),
    (
        OBTAIN,
        "The official download was withdrawn; ask the authors, see "
        "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/. Any tree of faces will do.",
    ),
    ("folder", "voxceleb below FACEBENCH_DATA, or --pretrain-data video:FOLDER"),
    ("expected tree", "identity/video/[track/]frame.jpg, as in unzippedFaces/ or mp4/"),
    ("names", "vox1_meta.csv beside it names the ids, so that overlap with a test is seen"),
    ("source", "PCL section 4.1: 299,085 clips at 6 fps, cropped to the centre, 64 px"),
)
"""Output of ``facebench data info voxceleb``, which is not a task."""

State = Literal["complete", "differs", "unreadable", "absent", "unknown"]


@dataclass(frozen=True)
class DatasetStatus:
    """Status of one dataset, as shown by ``facebench data list``.

    Args:
        name: Name of the task, or ``voxceleb``.
        title: Title in papers.
        root: Folder where it was found; ``None`` if it was not.
        synthetic: Whether the data of a run are rendered.
        state: ``complete`` (the official counts), ``differs`` (other counts), ``unreadable``,
            ``absent``, or ``unknown`` (no official counts).
        text: Counts, or the error.
    """

    name: str
    title: str
    root: Path | None
    synthetic: bool
    state: State
    text: str


def inventory(registry: Registry, data_root: Path | None) -> Iterator[DatasetStatus]:
    """Yield the datasets of all tasks, then the pretraining data.

    Args:
        registry: Registry of the tasks.
        data_root: Folder of datasets; ``None`` if there is none.

    Raises:
        DataError: ``data_root`` does not exist.
    """
    voxceleb = _voxceleb(data_root)  # a data folder that does not exist is one error, not many
    for name in registry.names("task"):
        try:
            task: type[Task] = registry.load("task", name)
        except FacebenchError as error:  # a defective third-party plugin must not stop the list
            yield DatasetStatus(name, name, None, False, "unreadable", str(error))
        else:
            yield _status(task(), data_root)
    yield voxceleb


def _status(task: Task, data_root: Path | None) -> DatasetStatus:
    info = task.info
    try:
        root = find_real(task, data_root)
    except DataError as error:  # two folders that differ in case only
        return DatasetStatus(info.name, info.title, data_root, False, "unreadable", str(error))
    if root is None:
        rendered = type(task).synthesise is not Task.synthesise
        text = (
            _in_its_place("a synthetic stand-in is", info.folders, data_root)
            if rendered
            else "no stand-in either"
        )
        rendered &= data_root is None
        return DatasetStatus(info.name, info.title, None, rendered, "absent", text)
    synthetic = (root / MARKER).is_file()
    try:
        found = _counts(task, root)
    except FacebenchError as error:
        return DatasetStatus(info.name, info.title, root, synthetic, "unreadable", str(error))
    text = ", ".join(f"{count:,} {name}" for name, count in found.items())
    limit = rendered_limit(root)
    if limit:
        text += f"; rendered for --limit {limit} only, other images are empty files"
    official = dict(info.counts)
    if synthetic or not official:
        return DatasetStatus(info.name, info.title, root, synthetic, "unknown", text)
    if official == {name: found.get(name, 0) for name in official}:
        return DatasetStatus(info.name, info.title, root, synthetic, "complete", text)
    expected = ", ".join(f"{count:,} {name}" for name, count in official.items())
    return DatasetStatus(
        info.name, info.title, root, synthetic, "differs", f"{text}; officially {expected}"
    )


def _in_its_place(stand_in: str, names: Iterable[str], data_root: Path | None) -> str:
    """Return what a run does without the dataset, see :mod:`facebench.data.finding`."""
    if data_root is None:
        return f"{stand_in} used"
    near = ", ".join(list(nearest_folders(names, data_root))[:1])
    return f"{stand_in} used if --synthetic missing" + (f"; is it {near}?" if near else "")


def _counts(task: Task, root: Path) -> dict[str, int]:
    """Return images per split, and pairs; reading pairs also finds images that are missing."""
    table = task.manifest(root)
    check_table(task.info, table)
    counts = {split: int((table["split"] == split).sum()) for split in SPLITS}
    counts = {split: count for split, count in counts.items() if count}
    if table_protocol(task.info.protocol).paired:
        counts["pairs"] = len(task.pairs(root))
    return counts


def _voxceleb(data_root: Path | None) -> DatasetStatus:
    root = None if data_root is None else folder_called("voxceleb", data_root)
    if root is None:
        return DatasetStatus(
            "voxceleb", "VoxCeleb", None, data_root is None, "absent",
            _in_its_place("rendered clips are", [VOXCELEB_FOLDER], data_root),
        )  # fmt: skip
    people = len(set(speaker_folders(root)))
    synthetic = (root / MARKER).is_file()
    text = f"{people:,} people; frames are counted when they are learned from"
    return DatasetStatus("voxceleb", "VoxCeleb", root, synthetic, "unknown", text)
