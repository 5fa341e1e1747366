"""What a reader must know of a number beside it: items and features that it says little about.

A score of one test image, of classes that were not learned, or of features that are the same for
every image is a number like any other. These are found before it is written, as sentences that are
stored with the result's other warnings and printed below its tables.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from facebench.data.dataset import Dataset
from facebench.evaluation.store import Features
from facebench.protocol import table_protocol

FEW = 10
"""Test items below which a score is hardly one: its steps are 10 points and more."""

_ROWS = 1024  # of the features, evenly spaced; reading all would take as long as a probe
_SHOWN = 5  # classes named in a sentence


def cautions(dataset: Dataset, features: Features) -> tuple[str, ...]:
    """Return warnings about the items that are evaluated and the features that are used.

    Args:
        dataset: Table (and pairs) in the order of the features.
        features: Features of its images, ``[N, D]``.
    """
    title = dataset.task.info.title
    found = [*_few_items(dataset, features.readable), *_constant(features)]
    if "label" in dataset.table:
        found += _odd_classes(dataset, features.readable)
    return tuple(f"{title}: {text}." for text in found)


def _few_items(dataset: Dataset, readable: np.ndarray) -> Iterator[str]:
    protocol = table_protocol(dataset.task.info.protocol)
    if protocol.paired:
        count = 0 if dataset.pairs is None else len(dataset.pairs)
    else:
        count = int(((dataset.table["split"] == "test").to_numpy() & readable).sum())
    if count < FEW:
        unit = "pair" if protocol.paired else "image"
        yield f"the score is of {count} test {unit}{'' if count == 1 else 's'} alone"


def _odd_classes(dataset: Dataset, readable: np.ndarray) -> Iterator[str]:
    """Yield what the labels of training and test images say about a classification."""
    info, table = dataset.task.info, dataset.table[readable]
    counts = {
        split: table["label"][table["split"] == split].value_counts() for split in ("train", "test")
    }
    if counts["train"].empty:
        return
    if len(counts["train"]) == 1:
        yield f"all training images are of one class, {_names(info.classes, counts['train'])}"
    single = counts["train"][counts["train"] == 1]
    if len(single):
        yield f"training has one image alone of {_names(info.classes, single)}"
    unlearned = counts["test"][~counts["test"].index.isin(counts["train"].index)]
    if len(unlearned):
        yield (
            f"{int(unlearned.sum()):,} test images are of classes that training lacks: "
            f"{_names(info.classes, unlearned)}"
        )
    untested = counts["train"][~counts["train"].index.isin(counts["test"].index)]
    if len(untested):
        yield f"no test image is of {_names(info.classes, untested)}"


def _names(classes: tuple[str, ...], counts: pd.Series) -> str:
    labels = sorted(int(label) for label in counts.index)
    names = [classes[label] if label < len(classes) else str(label) for label in labels]
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _constant(features: Features) -> Iterator[str]:
    """Say that features are the same for every image, up to the precision that they are kept in."""
    rows = np.flatnonzero(features.readable)
    if len(rows) < 2:
        return
    sample = rows[np.linspace(0, len(rows) - 1, min(_ROWS, len(rows))).astype(np.int64)]
    values = np.asarray(features.values[sample], dtype=np.float32)
    low, high = values.min(axis=0), values.max(axis=0)
    size = np.abs(values).max(axis=0)
    if (high - low <= np.finfo(features.values.dtype).eps * size).all():
        yield "the features are the same for every image, so the score says nothing about them"
