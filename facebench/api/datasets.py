"""Datasets: inventory, checks, downloads and synthetic stand-ins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from facebench.api.places import data_folder, optional_path, paths
from facebench.audit.check import check_data as check_dataset
from facebench.audit.findings import Report
from facebench.audit.inventory import OBTAIN, VOXCELEB, DatasetStatus, inventory
from facebench.config.options import Override, parse_value
from facebench.data.stand_in import write_stand_in as render_stand_in
from facebench.errors import DataError, SpecError
from facebench.progress import Progress
from facebench.registry import Registry
from facebench.runtime.terminal import TerminalProgress
from facebench.runtime.workspace import StandIns, default_cache
from facebench.task import Task


def list_data(
    *, data: str | Path | None = None, plugins: Sequence[str | Path] = ()
) -> list[DatasetStatus]:
    """Return the status of every dataset: ``facebench data list``.

    Args:
        data: Folder of the real datasets; by default ``FACEBENCH_DATA``.
        plugins: Python files with a task.

    Raises:
        DataError: The folder does not exist.
    """
    return list(inventory(Registry(paths(plugins)), data_folder(data)))


def check_data(
    task: str,
    *,
    data: str | Path | None = None,
    synthetic: Literal["missing", "always"] | None = None,
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> Report:
    """Check a dataset: ``facebench data check``.

    Args:
        task: Name of the task.
        data: Folder of the real datasets; by default ``FACEBENCH_DATA``.
        synthetic: Check the rendered stand-in: of a ``missing`` dataset, or ``always``.
        cache: Folder of the digests of images; by default ``FACEBENCH_CACHE``.
        plugins: Python files with a task.
        progress: Progress reporter; by default a bar, where one can be drawn.

    Returns:
        Counts, every image, labels, pairs, leaks and fingerprint, each with what was found; its
        ``passed`` says whether it is the expected dataset.

    Raises:
        DataError: There are no data to check.
        SpecError: ``synthetic`` is another word.
    """
    return check_dataset(
        _task(task, plugins), data_folder(data), optional_path(cache) or default_cache(),
        progress or TerminalProgress(),
        synthetic=_stand_ins(synthetic),
    )  # fmt: skip


def download_data(task: str, out: str | Path, *, plugins: Sequence[str | Path] = ()) -> Path:
    """Download a dataset that is public: ``facebench data get``.

    Args:
        task: Name of the task.
        out: Folder of datasets; created if missing.
        plugins: Python files with a task.

    Returns:
        The dataset's folder.

    Raises:
        DataError: It cannot be downloaded; the message says how to get it.
    """
    if task == "voxceleb":
        raise DataError(f"VoxCeleb: cannot be downloaded by a program. {dict(VOXCELEB)[OBTAIN]}")
    return _task(task, plugins).fetch(Path(out))


def write_stand_in(
    task: str,
    out: str | Path,
    *,
    scale: float = 1.0,
    plugins: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> Path:
    """Render faces in the layout of a dataset, marked as synthetic: ``facebench data synth``.

    Args:
        task: Name of the task.
        out: Folder to create.
        scale: Factor on the number of images; the same task and scale give the same files.
        plugins: Python files with a task.
        progress: Progress reporter; by default a bar, where one can be drawn.

    Returns:
        The folder.

    Raises:
        DataError: ``out`` exists, or the task has no stand-in.
        SpecError: ``scale`` is not positive.
    """
    target = Path(out)
    if not (math.isfinite(scale) and scale > 0):
        raise SpecError(f"--scale is {scale}; expected more than 0.")
    if target.exists():
        raise DataError(
            f"--out {target}: exists; expected a new folder. Remove it or choose another."
        )
    found = _task(task, plugins)
    render_stand_in(found, target, scale=scale, progress=progress or TerminalProgress())
    return target


def _stand_ins(synthetic: str | None) -> StandIns:
    if not synthetic:
        return ""
    given = Override(synthetic, "data check")
    word: StandIns = parse_value(given, Literal["missing", "always"], "synthetic")
    return word


def _task(name: str, plugins: Sequence[str | Path]) -> Task:
    cls: type[Task] = Registry(paths(plugins)).load("task", name)
    return cls()
