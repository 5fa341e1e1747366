"""The contract of a task, for authors of plugins.

A task is a *declaration* (what is evaluated, how, and where the data come from) and one function
from a folder to a table. It trains nothing, extracts nothing and scores nothing: this is done by
the protocol that it names, see ``facebench.evaluation.protocols``.

``manifest(root)`` returns a pandas DataFrame with one row per image and these columns:

- ``path`` (str): the image, relative to ``root``, ``/`` as separator; unique; handed to
  ``Task.read_image``; ``file#item`` for one image of many in a file.
- ``split`` (str): ``train``, ``val`` (optional: used to choose hyper-parameters) or ``test``. Pair
  verification and ``multilabel`` have ``test`` only: every item is tested once, by what was fitted
  on the other folds.
- ``label`` (int): classification: class index, 0-based.
- one column for each of ``info.targets``: 0 or 1 (multilabel), or float (regression).
- ``fold`` (int): multilabel: 0-based.
- ``subject`` (str): the person shown, or the photograph that a row was made from, if the dataset
  names them; held-out parts of the training data never split a subject. Required by multilabel,
  where no subject may be in two folds.
- ``left``, ``top``, ``right``, ``bottom`` (int, optional): the crop, in pixels; may reach over the
  border (black is padded).

Pair verification also has ``pairs(root)``: a DataFrame with ``first`` and ``second`` (paths of
the manifest), ``same`` (bool) and ``fold`` (int, 0-based).

A reader reports what it leaves out in ``attrs["warnings"]`` of the table, a list of sentences with
counts. These warnings are logged and stored in every result, together with differences from the
official counts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from facebench.errors import DataError, PluginError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from facebench.progress import Progress
    from facebench.synth import FaceSampler

Family = Literal["expression", "identity", "action units", "head pose"]

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number that a protocol reports.

    Args:
        name: Key in the result file, as the protocol computes it (``accuracy``).
        title: Heading in a table (``Accuracy (%)``).
        higher_is_better: Direction of improvement.
        scale: Factor from the stored value to the printed one (100 for percentages).
    """

    name: str
    title: str
    higher_is_better: bool
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """What a task declares about itself.

    Args:
        name: Plugin name = file name = entry point = CLI name = JSON name.
        title: Title in tables of papers (``RAF-DB``).
        version: Raised when the task's numbers change; versions never share a column.
        family: Table of the paper that the task belongs to.
        dataset: Full name of the dataset.
        licence: Terms of use of the dataset.
        obtain: Instructions to obtain it, in one or two sentences.
        layout: The expected folder tree, as text; shown when a folder does not fit.
        folders: Folder names that are searched below the data folder; the first match wins.
        parts: Possible names of each folder of a dataset that consists of several folders. If one
            of them is below the data folder, the data folder is the root, and the task finds the
            others or reports which is missing.
        protocol: Name of the evaluation protocol, see :mod:`facebench.protocol`.
        image_size: Side in pixels of the images in the paper's linear probe (section 4.1).
        quick_image_size: That of the preset ``quick``, whose methods learn from small images; 0:
            the same.
        main_metric: Metric of the main column.
        columns: Metrics of the paper's table for this task, left to right (per-AU F1 and the
            average); the main metric alone if empty.
        counts: Official number of rows per split (``{"train": 12271, "test": 3068}``), and of
            ``pairs``; differences of real data are logged as a warning and recorded in the result.
        classes: Class names in label order (classification).
        class_counts: Official number of images of each class, in label order, per split.
        targets: Names of the target columns (multilabel, regression), as the table has them.
        image_side: Width and height in pixels of every published image; 0 if they differ.
        source: Source of protocol and counts.
        names_may_be_published: Whether the licence permits publishing the names of the dataset's
            files and people, which a result's predictions have; if not, ``facebench results
            submit`` replaces them.
        stand_in_version: Raised when the rendered stand-in changes and ``version`` does not.
    """

    name: str
    title: str
    version: int
    family: Family
    dataset: str
    licence: str
    obtain: str
    layout: str
    folders: tuple[str, ...]
    protocol: str
    image_size: int
    main_metric: Metric
    counts: Mapping[str, int]
    parts: tuple[tuple[str, ...], ...] = ()
    columns: tuple[Metric, ...] = ()
    classes: tuple[str, ...] = ()
    class_counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    image_side: int = 0
    quick_image_size: int = 0
    source: str = ""
    names_may_be_published: bool = True
    stand_in_version: int = 1

    def probed_size(self, preset: str) -> int:
        """Return the side in pixels of the images in the linear probe, under a preset."""
        return (self.quick_image_size if preset == "quick" else 0) or self.image_size


@dataclass(frozen=True)
class NoOptions:
    """Empty options, for tasks and methods without any."""


class Task(ABC):
    """Base of every task; a plugin sets ``info`` and ``Options`` and writes ``manifest``.

    Args:
        options: An instance of the class's ``Options``.
    """

    info: ClassVar[TaskInfo]
    Options: ClassVar[type] = NoOptions

    def __init__(self, options: Any = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def manifest(self, root: Path) -> pd.DataFrame:
        """Read the folder and return the table described at the top of this module.

        Raises:
            DataError: The folder lacks something; the message says what was expected where.
        """

    def pairs(self, root: Path) -> pd.DataFrame:
        """Return the pairs of a verification task; see the top of this module.

        Raises:
            DataError: The list of pairs is missing or malformed.
        """
        raise PluginError(
            f"task '{self.info.name}' names the verification protocol and has no pairs(); expected "
            "a table of pairs. See facebench/task.py."
        )

    def landmarks(self, root: Path, paths: Sequence[str]) -> np.ndarray | None:
        """Return the five landmarks that the dataset has of each image, ``[N, 5, 2]``.

        They are used if ``align.kind`` is ``five_points``: left eye, right eye, tip of the nose,
        left and right corner of the mouth, left as in the image; x and y in pixels of what
        ``read_image`` returns, from the centre of its first pixel; NaN where an image has none.

        Args:
            root: As for ``manifest``.
            paths: Images of the manifest.

        Returns:
            The points, in the order of ``paths``; ``None`` (the default) if the dataset has none.
        """
        return None

    def read_image(self, root: Path, path: str) -> np.ndarray:
        """Read one image of the manifest as uint8 RGB ``[H, W, 3]``.

        The default reads an image file. A dataset whose images are not files (FER-2013's CSV)
        overrides it.

        Raises:
            DataError: The image cannot be read; the message names it.
        """
        from facebench.runtime.images import read_image

        return read_image(root / path)

    def fetch(self, folder: Path) -> Path:
        """Download the dataset below ``folder``, if it may be downloaded without a licence.

        Args:
            folder: Folder of datasets; made if missing.

        Returns:
            The dataset's folder, one of ``info.folders``.

        Raises:
            DataError: The download failed, or the dataset is available on request only.
        """
        raise DataError(
            f"{self.info.title}: cannot be downloaded by a program. How to get it: "
            f"{self.info.obtain} Then unpack it as {folder / self.info.folders[0]}."
        )

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write a stand-in of rendered faces into ``root``, in the dataset's own layout.

        Args:
            root: An empty folder.
            faces: Deterministic source of faces.
            progress: Progress reporter for the rendering.
            scale: Factor on the default number of images (tests use a small one).
        """
        raise DataError(
            f"{self.info.title}: found no data, and the task has no synthetic stand-in; expected "
            f"one of the folders {', '.join(self.info.folders)} below FACEBENCH_DATA. "
            f"{self.info.obtain}"
        )
