"""Opens, checks and fingerprints the data of a task: real data, or rendered stand-ins.

Real data are searched under the task's folder names (:mod:`facebench.data.finding`). Stand-ins are
rendered once, below ``cache/synthetic``; :attr:`Dataset.synthetic` tells in every result.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from facebench.data.finding import task_folder
from facebench.data.limit import keep_some
from facebench.data.manifest import boxes, read_tables
from facebench.data.stand_in import lacks_faces, rendered_limit, stand_in
from facebench.errors import DataError, PluginError
from facebench.progress import Progress, Silent
from facebench.runtime.digests import file_digests, table_fingerprint
from facebench.runtime.images import TORCHVISION, Box, Pixels, Scaling, crop_resize
from facebench.runtime.workspace import StandIns
from facebench.synth.marker import MARKER
from facebench.task import SPLITS, Task

# From row, image [H, W, 3], the task's crop, side of the result and its filter to [size, size, 3].
View = Callable[[int, Pixels, Box | None, int, Scaling], Pixels]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    """A task together with its data.

    Args:
        task: The task.
        root: Folder that the paths are relative to.
        synthetic: Whether the data are the rendered stand-in instead of the real dataset.
        table: One row per image, index 0 to N-1; columns as in :mod:`facebench.task`.
        pairs: Pairs of a verification task, else ``None``.
        digests: SHA-256 of the file behind each row of ``table``.
        warnings: For the results: items left out, counts that are not the official ones, a limit.
        view: Part of an image that is shown instead of the crop (:mod:`facebench.data.align`).
    """

    task: Task
    root: Path
    synthetic: bool
    table: pd.DataFrame
    pairs: pd.DataFrame | None
    digests: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    view: View | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def counts(self) -> Mapping[str, int]:
        """Images per split, and the number of pairs where there are pairs."""
        found = {split: int((self.table["split"] == split).sum()) for split in SPLITS}
        found = {split: count for split, count in found.items() if count}
        return found if self.pairs is None else {**found, "pairs": len(self.pairs)}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over rows, pairs and file contents, independent of the location on disk."""
        content = self.table.assign(digest=list(self.digests))
        return table_fingerprint(content, *([] if self.pairs is None else [self.pairs]))

    @cached_property
    def _where(self) -> list[tuple[str, Box | None]]:
        return list(zip(self.table["path"].tolist(), boxes(self.table), strict=True))

    def image(self, row: int, size: int, scaling: Scaling = TORCHVISION) -> Pixels:
        """Read, crop and resize the image of one row.

        Args:
            row: Position in ``table``.
            size: Side in pixels.
            scaling: Filter, and whether it antialiases.

        Returns:
            uint8 RGB, ``[size, size, 3]``.

        Raises:
            DataError: The image cannot be read; the message names it.
        """
        pixels, box = self.whole(row)
        if self.view is not None:
            return self.view(row, pixels, box, size, scaling)
        return crop_resize(pixels, box, size, scaling)

    def whole(self, row: int) -> tuple[Pixels, Box | None]:
        """Read the image of one row, uncropped, and return it with the task's crop.

        Args:
            row: Position in ``table``.

        Returns:
            uint8 RGB, ``[H, W, 3]``, and the crop; None: the largest centred square.

        Raises:
            DataError: The image cannot be read; the message names it.
        """
        path, box = self._where[row]
        return self.task.read_image(self.root, path), box

    def limit(self, n: int) -> Dataset:
        """Return a small, deterministic subset for quick runs.

        Args:
            n: Images per split, drawn in proportion to the classes (or folds) with at least one
                of each while ``n`` allows it; for pair verification, pairs in all, as many in
                each fold and half of them matched (at least one of each kind per fold).

        Returns:
            The subset, with a warning that it is one; this dataset if it is no larger.

        Raises:
            DataError: ``n`` is not positive.
        """
        kept = keep_some(self.table, self.pairs, n)
        if kept is None:
            return self
        return replace(
            self,
            table=self.table[kept.rows].reset_index(drop=True),
            pairs=kept.pairs,
            digests=tuple(d for d, keep in zip(self.digests, kept.rows, strict=True) if keep),
            warnings=(*self.warnings, kept.warning),
        )


def open_dataset(
    task: Task,
    data_root: Path | None,
    cache: Path,
    *,
    synthetic: StandIns = "",
    scale: float = 1.0,
    limit: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Find, read and check the data of a task.

    Args:
        task: An instance, with its options.
        data_root: Folder of datasets, or the dataset's own folder; ``None`` means synthetic.
        cache: Folder for synthetic faces and digests; made if missing.
        synthetic: When rendered faces take the place of real data.
        scale: Size of the synthetic stand-in, as a factor.
        limit: Take only what :meth:`Dataset.limit` keeps; of a stand-in that is not there yet, no
            other image is rendered. 0: all.
        progress: Progress reporter for the hashing of file contents.

    Raises:
        DataError: The data folder does not exist, lacks the dataset, or has it incomplete.
        PluginError: The task breaks its contract.
    """
    progress = progress or Silent()
    found = task_folder(task, data_root, synthetic)
    if found is None:
        _say_synthetic(task, data_root, synthetic)
    root = found or stand_in(task, cache, scale=scale, limit=limit, progress=progress)
    dataset = _read(task, root, limit)
    if lacks_faces(root, dataset.table["path"]):
        if found is not None:
            raise DataError(
                f"{task.info.title}: {root} was rendered for --limit {rendered_limit(root)}, and "
                "other images are empty files; expected all images. Give another data folder."
            )
        # The task was changed since, and reads another table.
        dataset = _read(task, stand_in(task, cache, scale=scale, progress=progress), limit)
    paths = dataset.table["path"].tolist()
    digests = file_digests(dataset.root, paths, cache, progress=progress)
    return replace(dataset, digests=tuple(digests))


def _read(task: Task, root: Path, limit: int) -> Dataset:
    """Read the tables of a dataset, and limit them if asked; there are no digests yet."""
    table, pairs = read_tables(task, root)
    rendered = (root / MARKER).is_file()  # also true for rendered faces in a user's data folder
    dataset = Dataset(task, root, rendered, table, pairs, ("",) * len(table))
    warnings = (*_reader_warnings(task, table), *_reader_warnings(task, pairs))
    if not rendered:
        warnings += _differing_counts(dataset)
    for warning in warnings:
        _log.warning("%s", warning)
    dataset = replace(dataset, warnings=warnings)
    return dataset.limit(limit) if limit else dataset


def _say_synthetic(task: Task, data_root: Path | None, synthetic: StandIns) -> None:
    title = task.info.title
    looked = "no data folder given" if data_root is None else f"not below {data_root}"
    looked = "asked for with --synthetic always" if synthetic == "always" else looked
    if task.info.folders:  # there is a real one
        _log.warning("%s: SYNTHETIC faces instead of the real dataset (%s)", title, looked)


def _reader_warnings(task: Task, table: pd.DataFrame | None) -> tuple[str, ...]:
    """Return the warnings of the task's reader, ``attrs["warnings"]`` of its tables."""
    if table is None:
        return ()
    warnings = table.attrs.get("warnings", [])
    if not isinstance(warnings, list) or not all(isinstance(text, str) for text in warnings):
        raise PluginError(
            f"task '{task.info.name}' breaks its contract: attrs['warnings'] of a table is "
            f"{warnings!r}; expected a list of sentences. See facebench/task.py."
        )
    return tuple(warnings)


def _differing_counts(dataset: Dataset) -> tuple[str, ...]:
    """One sentence for each official count that the real data do not have."""
    info, found = dataset.task.info, dataset.counts
    return tuple(
        f"{info.title}: found {found.get(name, 0):,} {name}; expected {official:,} officially. "
        "The numbers do not compare with published ones."
        for name, official in info.counts.items()
        if found.get(name, 0) != official
    )
