"""Sources of faces for pretraining.

=================== ==============================================================================
``images:FOLDER``   every image below a folder, at any depth
``video:FOLDER``    frames of videos, ``identity/video/[track/]frame``: the VoxCeleb layouts
``FOLDER``          ``video`` if every image is at least two folders deep, else ``images``
``FILE.tar``        as a folder with the same paths in it (:mod:`facebench.data.tar_files`); a
                    folder of tar files is taken as all of them together, as shards of webdataset
``voxceleb``        the folder of that name below the data folder, or rendered clips
a task's name       its training images, without their labels (:func:`task_source`)
=================== ==============================================================================

Labels are added for methods that learn from them, see :mod:`facebench.audit.label_rows`.

PCL section 4.1: frames of VoxCeleb1 and VoxCeleb2 at 6 fps, cropped to the face in the centre.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facebench.data.dataset import Dataset
from facebench.data.finding import VOXCELEB, voxceleb_folder
from facebench.data.manifest import CROP, boxes
from facebench.data.rendered_clips import rendered_clips
from facebench.data.speakers import WRAPPERS, name_identities, speaker_names
from facebench.data.tar_files import SUFFIX as TAR
from facebench.data.tar_files import packed_images
from facebench.data.tracks import tracks
from facebench.errors import DataError
from facebench.progress import Progress, Silent
from facebench.protocol import table_protocol
from facebench.runtime.digests import file_digests, table_fingerprint
from facebench.runtime.images import IMAGE_SUFFIXES, Box, Pixels, crop_resize, read_image
from facebench.runtime.listing import images_below, user_path
from facebench.runtime.workspace import StandIns
from facebench.synth.marker import MARKER
from facebench.targets import Targets

Form = Literal["images", "video"]

# Between identity and video in VoxCeleb's releases: the scale of the face crop.
_SCALE = "1.6"

# How warnings begin that concern one task alone, which they name.
ON_TEST_IMAGES = "pretrained on the test images of"
ON_TEST_PEOPLE = "whether people of the test of"

_LIMIT_SEED = 2023
_RUN = 8  # frames: more than a second at 6 fps

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Images to learn from.

    Args:
        name: Name in the results.
        synthetic: Whether the images are rendered.
        frames: One row per image: ``path``, and if known ``identity`` and ``video`` (str), and
            the crop (``left, top, right, bottom``).
        read: Function from a path to uint8 RGB ``[H, W, 3]``; safe to call from several threads.
        digests: SHA-256 of the file behind each frame.
        warnings: Warnings to be stored in the results.
        subjects: Name of the person in each frame, empty where it is not known; no entries if
            none is. Not part of the fingerprint, since nothing is learned from it.
        targets: The label of each image, for methods that learn from labels. Not part of the
            fingerprint, which names the images.
        root: Folder (or tar file) that everything else was read from, if it is one.
    """

    name: str
    synthetic: bool
    frames: pd.DataFrame
    read: Callable[[str], Pixels]
    digests: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    targets: Targets | None = None
    root: Path | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over frames, crops and file contents, independent of the location on disk."""
        return table_fingerprint(self.frames.assign(digest=list(self.digests)))

    @cached_property
    def _where(self) -> list[tuple[str, Box | None]]:
        return list(zip(self.frames["path"].tolist(), boxes(self.frames), strict=True))

    def image(self, row: int, size: int) -> Pixels:
        """Read, crop and resize one image: uint8 RGB ``[size, size, 3]``.

        Raises:
            DataError: The image cannot be read; the message names it.
        """
        path, box = self._where[row]
        return crop_resize(self.read(path), box, size)

    def limit(self, n: int, *, runs: bool = False) -> Source:
        """Return ``n`` images in their order, drawn with a fixed seed; all if there are fewer.

        Args:
            n: Largest number of images.
            runs: Draw runs of up to eight consecutive frames of a track instead of single images.
        """
        if n >= len(self):
            return self
        rng = np.random.default_rng(_LIMIT_SEED)
        if runs:
            codes, places = tracks(self.frames["path"].tolist())
            run = np.unique(np.stack([codes, places // _RUN]), axis=1, return_inverse=True)[1]
            drawn = rng.permutation(int(run.max()) + 1)[run.ravel()]  # rank of each image's run
            keep = np.sort(np.lexsort((places, drawn))[:n])
        else:
            keep = np.sort(rng.permutation(len(self))[:n])
        return self.take(keep)

    def take(self, rows: NDArray[np.int64]) -> Source:
        """Return the images of some rows, in the order given."""
        return replace(
            self,
            frames=self.frames.iloc[rows].reset_index(drop=True),
            digests=tuple(self.digests[row] for row in rows),
            subjects=tuple(self.subjects[row] for row in rows if self.subjects),
            targets=None if self.targets is None else self.targets.take(rows),
        )


def open_source(
    name: str,
    data_root: Path | None,
    cache: Path,
    *,
    synthetic: StandIns = "",
    scale: float = 1.0,
    progress: Progress | None = None,
) -> Source:
    """Open a source that is not a task; see the table at the top of this module.

    Args:
        name: ``voxceleb``, ``images:FOLDER``, ``video:FOLDER`` or ``FOLDER``.
        data_root: Folder of datasets, where ``voxceleb`` is searched.
        cache: Folder for rendered clips and digests; made if missing.
        synthetic: When rendered clips take the place of ``voxceleb``.
        scale: Size of the rendered stand-in, as a factor.
        progress: Progress reporter for the hashing of file contents.

    Raises:
        DataError: There is no such folder, or no image in it.
    """
    if name == VOXCELEB:
        real = voxceleb_folder(data_root, synthetic)
        if real is not None:
            return folder_source(real, cache, form="video", name=name, progress=progress)
        clips = rendered_clips(cache, scale, progress or Silent())
        return folder_source(clips, cache, form="video", name=name, progress=progress)
    prefix, colon, rest = name.partition(":")
    if colon and prefix in ("images", "video"):
        form: Form = "images" if prefix == "images" else "video"
        return folder_source(user_path(rest), cache, form=form, progress=progress)
    return folder_source(user_path(name), cache, progress=progress)


def folder_source(
    folder: Path,
    cache: Path,
    *,
    form: Form | None = None,
    name: str = "",
    progress: Progress | None = None,
) -> Source:
    """Open a folder of images, or a tree of video frames; or tar files of either.

    Hidden files and folders are left out, and so are files that are no images by their suffix: a
    warning counts them, but for notes, lists and annotations. Frames are sorted, so that the
    order of the file system never matters.

    Args:
        folder: Folder of the images, a tar file, or a folder of tar files and no other images.
        cache: Folder for digests.
        form: ``images`` or ``video``; ``None`` decides by the depth of the images.
        name: Name in the results; the name of the folder if empty.
        progress: Progress reporter for the hashing of file contents.

    Raises:
        DataError: There is no such folder, no image in it, or a frame of a tree is not below
            an identity and a video.
    """
    packed = packed_images(folder, cache, progress=progress)
    if packed is None and not folder.is_dir():
        raise DataError(
            f"pretraining data: no folder {folder}; expected a folder of images "
            "(images:FOLDER), of video frames (video:FOLDER), a tar file of either, 'voxceleb' or "
            "the name of a task."
        )
    paths, strays = (packed.paths, packed.strays) if packed else images_below(folder)
    if not paths:
        raise DataError(
            f"pretraining data: found no images below {folder}; expected files that end in "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    warnings = _left_out(folder, strays)
    if form is None:
        shallow = [path for path in paths if path.count("/") < 2]
        form = "images" if shallow else "video"
        _log.info("%s: taken for %s", folder, form)
        if 2 * len(shallow) < len(paths) and shallow:
            warnings.append(
                f"{folder}: taken for single images, since {len(shallow):,} of {len(paths):,} are "
                f"less than two folders deep, such as {shallow[0]}; write video:{folder} for a "
                "tree of frames"
            )
    for warning in warnings:
        _log.warning("%s", warning)
    frames = pd.DataFrame({"path": paths})
    subjects: tuple[str, ...] = ()
    if form == "video":
        identities, videos = zip(*(_who(folder, path) for path in paths), strict=True)
        frames = frames.assign(identity=identities, video=videos)
        subjects = name_identities(identities, speaker_names(folder))
    digests = packed.digests if packed else file_digests(folder, paths, cache, progress=progress)
    title = name or folder.resolve().name.removesuffix(TAR)
    synthetic = (folder / MARKER).is_file()
    read = partial(_read_below, folder) if packed is None else packed.read
    return Source(
        title, synthetic, frames, read, tuple(digests), tuple(warnings), subjects, root=folder
    )


def task_source(dataset: Dataset, *, labelled: bool = False) -> Source:
    """Return the training images of a task, without their labels, as a source.

    A protocol with folds has test images only, so all of them are used, and a warning says that
    the representation is pretrained, without labels, on the images that it is evaluated on.

    Args:
        dataset: An open task.
        labelled: Whether labels will be added, which come with warnings of their own.
    """
    info, table = dataset.task.info, dataset.table
    rows = np.arange(len(table))
    warnings: tuple[str, ...] = ()
    if table_protocol(info.protocol).folded:
        if not labelled:
            warnings = (f"{ON_TEST_IMAGES} {info.title}, without labels",)
            _log.warning("%s", warnings[0])
    else:
        rows = rows[(table["split"] == "train").to_numpy()]
    columns = ["path", *(side for side in CROP if side in table)]
    return Source(
        name=info.name,
        synthetic=dataset.synthetic,
        frames=table[columns].iloc[rows].reset_index(drop=True),
        read=partial(dataset.task.read_image, dataset.root),
        digests=tuple(dataset.digests[row] for row in rows),
        warnings=warnings,
        subjects=tuple(map(str, table["subject"].iloc[rows])) if "subject" in table else (),
        root=dataset.root,
    )


def _read_below(folder: Path, path: str) -> Pixels:
    return read_image(folder / path)


def _left_out(folder: Path, strays: Counter[str]) -> list[str]:
    if not strays:
        return []
    kinds = ", ".join(f"{suffix} {count:,}" for suffix, count in sorted(strays.items()))
    return [f"{folder}: left out {strays.total():,} files that are no images by name ({kinds})"]


def _who(folder: Path, path: str) -> tuple[str, str]:
    """Return identity and video of a frame; tracks of a video are not distinguished."""
    parts: Sequence[str] = path.split("/")[:-1]
    while parts and parts[0].lower() in WRAPPERS:
        parts = parts[1:]
    parts = [part for part in parts if part != _SCALE]
    if len(parts) < 2:
        raise DataError(
            f"video frames: found {folder / path}; expected identity/video/[track/]frame below "
            f"{folder}. Write images:{folder} for a folder of single images."
        )
    return parts[0], f"{parts[0]}/{parts[1]}"
