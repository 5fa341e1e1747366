"""Searches a dataset for leaks.

Images are compared by their decoded pixels and by perceptual hashes
(:mod:`facebench.audit.duplicates`): test images with training images, validation images with
training images, test with validation images; in tasks with folds, the images of each fold with
those of all other folds.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facebench.audit.duplicates import NEAR_BITS, distances, exact_twins, near_twins
from facebench.audit.leaks import Leaks, Twin
from facebench.audit.scan import content_name, scan
from facebench.data.dataset import Dataset
from facebench.progress import Progress
from facebench.protocol import table_protocol
from facebench.runtime.atomic import atomic_write
from facebench.runtime.seal import SEAL, record_digest, sealed
from facebench.runtime.stage import alone

FORMAT = 2

_log = logging.getLogger(__name__)

Rows = NDArray[np.int64]


def find_leaks(dataset: Dataset, cache: Path, progress: Progress) -> Leaks:
    """Search a dataset for leaks, or read the result of an earlier search.

    The first search of a dataset decodes all of its images (:func:`facebench.audit.scan.scan`).

    Args:
        dataset: Task and data.
        cache: Folder of the cache; ``cache/leaks`` is made.
        progress: Progress reporter.
    """
    kept = cache / "leaks" / f"{content_name(dataset)}.json"
    with alone(kept):
        known = _read(kept)
        if known is None:
            known = leaks_of(dataset, scan(dataset, cache, progress))
            stored = {"format": FORMAT, "near_bits": NEAR_BITS, "leaks": asdict(known)}
            atomic_write(kept, json.dumps(sealed(stored, {}), sort_keys=True, indent=1) + "\n")
    return known


def leaks_of(dataset: Dataset, seen: pd.DataFrame) -> Leaks:
    """Compare the images of a dataset.

    Args:
        dataset: Its table and pairs are used, no file.
        seen: The scan, one row per row of the table.
    """
    if table_protocol(dataset.task.info.protocol).folded:
        return _between_folds(dataset, seen)
    split = dataset.table["split"].to_numpy()
    train, val, test = (np.flatnonzero(split == name) for name in ("train", "val", "test"))
    compare = _Comparison(dataset.table["path"].tolist(), seen)
    exact, near = compare(test, train)
    val_exact, val_near = compare(val, train)
    subjects = None
    if "subject" in dataset.table:
        who = dataset.table["subject"].to_numpy()
        subjects = tuple(sorted(map(str, set(who[train]) & set(who[test]))))
    return Leaks(
        folded=False,
        tested=len(test),
        exact=exact,
        near=near,
        val=len(val),
        val_exact=val_exact,
        val_near=val_near,
        test_in_val=compare(test, val)[0],
        subjects=subjects,
    )


class _Comparison:
    """Search for duplicates among the images of one dataset."""

    def __init__(self, paths: Sequence[str], seen: pd.DataFrame) -> None:
        self.paths = paths
        self.digests = seen["digest"].to_numpy(object)
        self.hashes = seen["hash"].to_numpy(np.uint64)
        self.usable = (seen["error"] == "").to_numpy() & ~seen["blank"].to_numpy(bool)

    def __call__(self, tested: Rows, known: Rows) -> tuple[tuple[Twin, ...], tuple[Twin, ...]]:
        """Return exact and near twins; blank images have exact ones only."""
        twins = exact_twins(self.digests[tested].tolist(), self.digests[known].tolist())
        exact = [self._twin(a, known[b]) for a, b in zip(tested, twins, strict=True) if b >= 0]
        rest = tested[(twins < 0) & self.usable[tested]]
        among = known[self.usable[known]]
        twins, _ = near_twins(self.hashes[rest], self.hashes[among])
        near = [self._twin(a, among[b]) for a, b in zip(rest, twins, strict=True) if b >= 0]
        return tuple(exact), tuple(near)

    def _twin(self, row: int, twin: int) -> Twin:
        bits = int(np.bitwise_count(self.hashes[row] ^ self.hashes[twin]))
        return Twin(self.paths[row], self.paths[twin], bits)

    def side_by_side(self, first: Rows, second: Rows) -> tuple[tuple[Twin, ...], tuple[Twin, ...]]:
        """Compare images row by row; see :meth:`__call__`."""
        same = (self.digests[first] == self.digests[second]) & (self.digests[first] != "")
        close = distances(self.hashes[first], self.hashes[second]) <= NEAR_BITS
        close &= ~same & self.usable[first] & self.usable[second]
        exact, near = (
            tuple(self._twin(first[i], second[i]) for i in np.flatnonzero(mark))
            for mark in (same, close)
        )
        return exact, near


def _between_folds(dataset: Dataset, seen: pd.DataFrame) -> Leaks:
    table = dataset.table
    compare = _Comparison(table["path"].tolist(), seen)
    members = list(_folds(dataset))
    exact: list[Twin] = []
    near: list[Twin] = []
    for fold, rows in enumerate(members):
        others = np.unique(np.concatenate([r for f, r in enumerate(members) if f != fold]))
        found = compare(rows, others)
        exact += found[0]
        near += found[1]
    subjects = None
    if "subject" in table:
        who = pd.Series([str(s) for rows in members for s in set(table["subject"].iloc[rows])])
        subjects = tuple(sorted(set(who[who.duplicated()])))
    twice = {twin.image for twin in exact}  # an image of two folds may be exact in one only
    near = [twin for twin in near if twin.image not in twice]
    leaks = Leaks(
        folded=True, tested=len(table), exact=tuple(exact), near=tuple(near), subjects=subjects
    )
    return leaks if dataset.pairs is None else _with_pairs(leaks, dataset.pairs, compare, table)


def _folds(dataset: Dataset) -> Iterator[Rows]:
    """Yield the rows of each fold; of a verification task, those that its pairs name."""
    if dataset.pairs is None:
        folds = dataset.table["fold"].to_numpy()
        for fold in np.unique(folds):
            yield np.flatnonzero(folds == fold)
        return
    place = pd.Series(range(len(dataset.table)), index=dataset.table["path"])
    for _, pairs in dataset.pairs.groupby("fold"):
        named = pd.unique(pd.concat([pairs["first"], pairs["second"]]))
        yield np.sort(place[named].to_numpy())


def _with_pairs(
    leaks: Leaks, pairs: pd.DataFrame, compare: _Comparison, table: pd.DataFrame
) -> Leaks:
    place = pd.Series(range(len(table)), index=table["path"])
    first, second = (np.asarray(place[pairs[side]], np.int64) for side in ("first", "second"))
    same_image, near_image = compare.side_by_side(first, second)
    leaks = replace(leaks, tested=len(pairs), same_image=same_image, near_image=near_image)
    exact, both = leaks.leaked(pairs), leaks.leaked(pairs, near=True)
    return replace(leaks, exact_pairs=int(exact.sum()), near_pairs=int((both & ~exact).sum()))


def _read(kept: Path) -> Leaks | None:
    try:
        stored = json.loads(kept.read_text(encoding="utf-8"))
        if stored["format"] not in (1, FORMAT) or stored["near_bits"] != NEAR_BITS:
            return None
        # Format 1 has no seal.
        if stored["format"] == FORMAT and stored[SEAL]["record"] != record_digest(stored):
            raise ValueError("changed since it was written")
        return Leaks(**{name: _value(value) for name, value in stored["leaks"].items()})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        _log.warning("%s: unreadable leaks, searched again", kept)
        return None


def _value(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return tuple(Twin(**item) if isinstance(item, dict) else item for item in value)
