"""Checks whether the data on disk are the published data, before any experiment.

The checks cover the counts per split, class and fold, labels and targets, every image (readable,
of the published size, not blank), leaks, and the fingerprint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from facebench.audit.findings import Finding, Report, examples
from facebench.audit.leak_search import find_leaks
from facebench.audit.leaks import Leaks
from facebench.audit.scan import scan
from facebench.data.dataset import Dataset, open_dataset
from facebench.data.finding import task_folder
from facebench.errors import DataError
from facebench.progress import Progress
from facebench.protocol import table_protocol
from facebench.runtime.workspace import StandIns
from facebench.synth.marker import MARKER
from facebench.task import SPLITS, Task, TaskInfo


def check_data(
    task: Task,
    data_root: Path | None,
    cache: Path,
    progress: Progress,
    *,
    synthetic: StandIns = "",
) -> Report:
    """Check the data of a task, reading every image.

    Args:
        task: An instance, with its options.
        data_root: Folder of datasets, or the dataset's own folder.
        cache: Folder of the cache, for digests, the scan and the leaks.
        progress: Progress reporter.
        synthetic: When the rendered stand-in is checked.

    Raises:
        DataError: There are no data below ``data_root``.
    """
    info, root = task.info, task_folder(task, data_root, synthetic)
    if root is None and not synthetic:
        raise DataError(
            f"{info.title}: nothing to check: no data folder given; expected one of the folders "
            f"{', '.join(info.folders)}. Set FACEBENCH_DATA or give --data, or check the rendered "
            f"stand-in with --synthetic always. How to get it: {info.obtain}"
        )
    report = Report(
        task=info.name, version=info.version, root=str(root or ""),
        synthetic=root is None or (root / MARKER).is_file(), fingerprint="", counts={},
        findings=(), leaks=None,
    )  # fmt: skip
    try:
        dataset = open_dataset(task, data_root, cache, synthetic=synthetic, progress=progress)
    except DataError as error:
        return replace(report, findings=(Finding("layout", "problem", str(error)),))
    seen = scan(dataset, cache, progress)
    leaks = find_leaks(dataset, cache, progress)
    findings = (
        *_opened(dataset),
        *check_counts(dataset),
        *check_pairs(dataset),
        *check_targets(dataset),
        *check_images(info, dataset, seen),
        *check_leaks(leaks),
        *check_twins_labels(leaks, dataset),
        Finding("fingerprint", "ok", dataset.fingerprint),
    )
    return replace(
        report, root=str(dataset.root), fingerprint=dataset.fingerprint,
        counts=dict(dataset.counts), findings=findings, leaks=leaks.record(),
    )  # fmt: skip


def _opened(dataset: Dataset) -> Iterator[Finding]:
    yield Finding("layout", "ok", str(dataset.root))
    if dataset.synthetic:
        yield Finding("layout", "warning", "SYNTHETIC faces; official counts do not apply to them")
    counted = ("expected", "officially")  # reported by check_counts
    for warning in dataset.warnings:
        if not all(word in warning for word in counted):
            yield Finding("layout", "warning", warning)


def check_counts(dataset: Dataset) -> Iterator[Finding]:
    """Compare the counts of splits, pairs and classes with the official ones."""
    info, found = dataset.task.info, dataset.counts
    for name in dict.fromkeys((*info.counts, *found)):
        unit = "pairs" if name == "pairs" else f"{name} images"
        yield _count(unit, found.get(name, 0), info.counts.get(name), dataset.synthetic)
    if not info.classes:
        return
    for split in filter(found.__contains__, SPLITS):
        part = dataset.table[dataset.table["split"] == split]
        counts = np.bincount(part["label"], minlength=len(info.classes)).tolist()
        official = info.class_counts.get(split)
        listed = ", ".join(f"{name} {n:,}" for name, n in zip(info.classes, counts, strict=True))
        text = f"{split}: {listed}"
        if 0 in counts:
            yield Finding("classes", "problem", f"{text}; expected some of every class")
        elif dataset.synthetic or official is None:
            yield Finding("classes", "ok", text)
        elif tuple(counts) == tuple(official):
            yield Finding("classes", "ok", f"{text}, as officially")
        else:
            expected = ", ".join(f"{n:,}" for n in official)
            yield Finding("classes", "problem", f"{text}; expected {expected}")


def _count(unit: str, found: int, official: int | None, synthetic: bool) -> Finding:
    if synthetic or official is None:
        return Finding("counts", "ok", f"{found:,} {unit}")
    if found == official:
        return Finding("counts", "ok", f"{found:,} {unit}, as officially")
    return Finding("counts", "problem", f"{found:,} {unit}; expected {official:,}")


def check_pairs(dataset: Dataset) -> Iterator[Finding]:
    """Count the pairs of each fold and kind."""
    if dataset.pairs is None:
        return
    kinds = dataset.pairs.groupby("fold")["same"].agg(["sum", "size"])
    sizes = sorted({(int(same), int(size - same)) for same, size in kinds.to_numpy()})
    text = f"{len(kinds)} folds of " + " or ".join(
        f"{a:,} same + {b:,} different" for a, b in sizes
    )
    yield Finding("pairs", "ok" if len(sizes) == 1 else "warning", text)
    named = pd.concat([dataset.pairs["first"], dataset.pairs["second"]])
    yield Finding("pairs", "ok", f"all {named.nunique():,} images that pairs name are there")


def check_targets(dataset: Dataset) -> Iterator[Finding]:
    """Report the range of the targets of a task."""
    info, table = dataset.task.info, dataset.table
    binary = table_protocol(info.protocol).binary_targets
    for name in info.targets:
        values = table[name].to_numpy(float)
        if binary:
            share = values.mean()
            status, text = "ok", f"{name}: {share:.1%} positive"
            if share in (0, 1):
                status, text = "problem", f"{text}; expected both kinds"
            yield Finding("targets", status, text)  # type: ignore[arg-type]
        else:
            parts = table.groupby("split", sort=False)[name].agg(["min", "max"])
            ranges = ", ".join(f"{split} {low:.1f} to {high:.1f}" for split, low, high in
                               parts.itertuples())  # fmt: skip
            yield Finding("targets", "ok", f"{name}: {ranges}")
    if "fold" in table:
        sizes = ", ".join(f"{count:,}" for count in table["fold"].value_counts().sort_index())
        yield Finding("folds", "ok", f"{table['fold'].nunique()} folds of {sizes} images")


def check_images(info: TaskInfo, dataset: Dataset, seen: pd.DataFrame) -> Iterator[Finding]:
    """Report images that cannot be read, differ from the published size, or are blank."""
    paths = dataset.table["path"]
    errors = seen["error"][seen["error"] != ""].tolist()
    if errors:
        text = f"{len(errors):,} of {len(seen):,} cannot be read: {examples(errors)}"
        yield Finding("images", "problem", text)
    else:
        yield Finding("images", "ok", f"all {len(seen):,} can be read")
    readable = seen[seen["error"] == ""]
    sizes = Counter(zip(readable["width"], readable["height"], strict=True)).most_common()
    commonest = examples([f"{width} x {height} px: {n:,}" for (width, height), n in sizes])
    side = info.image_side
    wrong = readable[(readable["width"] != side) | (readable["height"] != side)]
    if not side:
        yield Finding("sizes", "ok", commonest)
    elif len(wrong) and not dataset.synthetic:
        text = f"{commonest}; expected {side} x {side} px, not {examples(_paths(paths, wrong))}"
        yield Finding("sizes", "problem", text)
    else:
        yield Finding("sizes", "ok", commonest)
    blank = seen[seen["blank"]]
    if len(blank):
        text = f"{len(blank):,} images are blank: {examples(_paths(paths, blank))}"
        yield Finding("images", "warning", text)


def check_leaks(leaks: Leaks) -> Iterator[Finding]:
    """Report leaks as warnings, since they are properties of the published dataset."""
    for warning in leaks.warnings():
        yield Finding("leaks", "warning", warning)
    if not leaks.warnings():
        between = "folds" if leaks.folded else "splits"
        yield Finding("leaks", "ok", f"no image is in two {between}")
    parts = {"test": leaks.near, "validation": leaks.val_near}
    for name, twins in parts.items():
        if twins:
            shown = examples([f"{twin.image} ~ {twin.twin}" for twin in twins], 2)
            text = (
                f"{len(twins):,} other {name} images are nearly the same as one of {_seen(leaks)}"
            )
            yield Finding("near", "warning", f"{text}: {shown}")
    if leaks.same_image is not None:
        for twins, how in (
            (leaks.same_image, "the very same"),
            (leaks.near_image or (), "nearly one"),
        ):
            if twins:
                shown = examples([f"{twin.image} | {twin.twin}" for twin in twins], 2)
                yield Finding("pairs", "warning", f"{len(twins):,} pairs hold {how} image: {shown}")
    if leaks.subjects is not None and not leaks.subjects:
        yield Finding("subjects", "ok", "no subject is on both sides")


def check_twins_labels(leaks: Leaks, dataset: Dataset) -> Iterator[Finding]:
    """Report how often a test image has another label than the same image in training."""
    if "label" not in dataset.table or not leaks.exact:
        return
    label = dict(zip(dataset.table["path"], dataset.table["label"], strict=True))
    other = sum(label[twin.image] != label[twin.twin] for twin in leaks.exact)
    if other:
        text = f"{other:,} of {len(leaks.exact):,} duplicates have another label in training"
        yield Finding("labels", "warning", text)


def _seen(leaks: Leaks) -> str:
    return "another fold" if leaks.folded else "training"


def _paths(paths: pd.Series, rows: pd.DataFrame) -> list[str]:
    return [str(path) for path in paths.iloc[rows.index]]
