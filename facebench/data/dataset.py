"""Opens, checks and fingerprints the data of a task: real data, or rendered stand-ins.

Real data are searched under the task's folder names (:mod:`facebench.data.finding`). Stand-ins are
rendered once, below ``cache/synthetic``; :attr:`Dataset.synthetic` tells in every result.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from facebench.data.finding import task_folder
from facebench.data.manifest import boxes, check_pairs, check_table
from facebench.errors import DataError, PluginError
from facebench.progress import Progress, Silent
from facebench.protocol import table_protocol
from facebench.runtime.atomic import make_once
from facebench.runtime.digests import file_digests, table_fingerprint
from facebench.runtime.images import TORCHVISION, Box, Pixels, Scaling, crop_resize
from facebench.runtime.workspace import StandIns
from facebench.synth import FaceSampler
from facebench.synth.write import GENERATOR_VERSION, MARKER
from facebench.task import SPLITS, Task

# From row, image [H, W, 3], the task's crop, side of the result and its filter to [size, size, 3].
View = Callable[[int, Pixels, Box | None, int, Scaling], Pixels]

_LIMIT_SEED = 2023

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
        if n < 1:
            raise DataError(f"limit: found {n}; expected at least 1.")
        unit = "images per split" if self.pairs is None else "pairs"
        if self.pairs is not None:
            pairs = self.pairs[_limit_pairs(self.pairs, n)].reset_index(drop=True)
            keep = self.table["path"].isin(pd.concat([pairs["first"], pairs["second"]]))
            smaller = len(pairs) < len(self.pairs)
        else:
            pairs, keep = None, _limit_rows(self.table, n)
            smaller = not bool(keep.all())
        if not smaller:
            return self
        return replace(
            self,
            table=self.table[keep].reset_index(drop=True),
            pairs=pairs,
            digests=tuple(d for d, kept in zip(self.digests, keep, strict=True) if kept),
            warnings=(*self.warnings, f"limited to {n} {unit}"),
        )


def open_dataset(
    task: Task,
    data_root: Path | None,
    cache: Path,
    *,
    synthetic: StandIns = "",
    scale: float = 1.0,
    progress: Progress | None = None,
) -> Dataset:
    """Find, read and check the data of a task.

    Args:
        task: An instance, with its options.
        data_root: Folder of datasets, or the dataset's own folder; ``None`` means synthetic.
        cache: Folder for synthetic faces and digests; made if missing.
        synthetic: When rendered faces take the place of real data.
        scale: Size of the synthetic stand-in, as a factor.
        progress: Progress reporter for the hashing of file contents.

    Raises:
        DataError: The data folder does not exist, lacks the dataset, or has it incomplete.
        PluginError: The task breaks its contract.
    """
    real = task_folder(task, data_root, synthetic)
    root = (
        real if real is not None else _stand_in(task, data_root, synthetic, cache, scale, progress)
    )
    table = task.manifest(root)
    check_table(task.info, table)
    table = table.reset_index(drop=True)
    pairs = None
    if table_protocol(task.info.protocol).paired:
        pairs = task.pairs(root).reset_index(drop=True)
        check_pairs(task.info, table, pairs)
    digests = file_digests(root, table["path"].tolist(), cache, progress=progress)
    rendered = (root / MARKER).is_file()  # also true for rendered faces in a user's data folder
    dataset = Dataset(task, root, rendered, table, pairs, tuple(digests))
    warnings = (*_reader_warnings(task, table), *_reader_warnings(task, pairs))
    if not rendered:
        warnings += _differing_counts(dataset)
    for warning in warnings:
        _log.warning("%s", warning)
    return replace(dataset, warnings=warnings)


def population(name: str) -> int:
    """Return the seed of a stand-in's persons; stand-ins of two tasks share no person."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def write_stand_in(task: Task, target: Path, *, scale: float, progress: Progress) -> None:
    """Render a task's stand-in, unless ``target`` is there; it appears only when complete.

    Args:
        task: The task, which determines layout and population.
        target: Folder to create; the same task and scale always give the same files.
        scale: Factor on the number of images.
        progress: Progress reporter.

    Raises:
        DataError: The task has no stand-in.
    """

    def render(folder: Path) -> None:
        _log.info("%s: rendering synthetic faces into %s", task.info.title, target)
        task.synthesise(folder, FaceSampler(population(task.info.name)), progress, scale)
        (folder / MARKER).write_text(f"{_stand_in_record(task, scale)}\n", encoding="utf-8")

    make_once(target, render)


def _stand_in(
    task: Task,
    data_root: Path | None,
    synthetic: StandIns,
    cache: Path,
    scale: float,
    progress: Progress | None,
) -> Path:
    info = task.info
    key = hashlib.sha256(_stand_in_record(task, scale).encode()).hexdigest()[:12]
    target = cache / "synthetic" / f"{info.name}-v{info.version}-{key}"
    looked = "no data folder given" if data_root is None else f"not below {data_root}"
    looked = "asked for with --synthetic always" if synthetic == "always" else looked
    if info.folders:  # there is a real one
        _log.warning("%s: SYNTHETIC faces instead of the real dataset (%s)", info.title, looked)
    write_stand_in(task, target, scale=scale, progress=progress or Silent())
    return target


def _stand_in_record(task: Task, scale: float) -> str:
    """Return everything that the content of a stand-in depends on, as JSON."""
    made_from = {
        "format_version": 1,
        "generator": "facebench.synth",
        "generator_version": GENERATOR_VERSION,
        "seed": population(task.info.name),
        "task": task.info.name,
        "task_version": task.info.version,
        "scale": scale,
    }
    if task.info.stand_in_version > 1:  # folders rendered before there was a version stay valid
        made_from["stand_in_version"] = task.info.stand_in_version
    return json.dumps(made_from, sort_keys=True, indent=2)


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


def _limit_rows(table: pd.DataFrame, n: int) -> pd.Series:
    """Mark ``n`` rows per split, in proportion to classes or folds, first one row of each."""
    order = np.random.default_rng(_LIMIT_SEED).permutation(len(table))
    kind = next((name for name in ("label", "fold") if name in table), "split")
    shuffled = table[["split"]].assign(kind=table[kind]).iloc[order]
    groups = shuffled.groupby(["split", "kind"])
    place = groups.cumcount() / groups["kind"].transform("size")
    rank = place.groupby(shuffled["split"]).rank(method="first")
    return (rank <= n).sort_index()


def _limit_pairs(pairs: pd.DataFrame, n: int) -> pd.Series:
    """Mark the first pairs of a seeded order, as many of each kind in each fold."""
    each = max(1, n // pairs["fold"].nunique() // 2)
    order = np.random.default_rng(_LIMIT_SEED).permutation(len(pairs))
    rank = pairs.iloc[order].groupby(["fold", "same"]).cumcount()
    return (rank < each).sort_index()
