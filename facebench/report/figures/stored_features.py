"""Stored features of a result, with labels of their images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.data.dataset import Dataset
from facebench.errors import DataError, StageError, UnknownNameError
from facebench.evaluation.store import Features, read_features
from facebench.pipeline.opening import open_judged_data
from facebench.registry import Registry
from facebench.reproduce import data_of
from facebench.results.saved_spec import saved_run
from facebench.results.store import Result
from facebench.runtime.workspace import Workspace

_NAMED = 10  # persons with a colour of their own


@dataclass(frozen=True)
class Labelled:
    """Features of test images and a label of each.

    Args:
        values: ``[N, D]`` float32.
        rows: ``[N]`` rows of the dataset.
        labels: ``[N]``: positions in ``names``, or numbers where there are none.
        names: Names of the classes; empty for numbers.
        by: Name of the labels' column in the task's table.
    """

    values: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.float64]
    names: tuple[str, ...]
    by: str


def labelled_features(
    result: Result,
    dataset: Dataset,
    workspace: Workspace,
    *,
    by: str,
    items: int = 0,
    seed: int = 0,
    few_people: bool = True,
) -> Labelled:
    """Read the features of a result from the cache, and labels from its dataset.

    Args:
        result: A stored result.
        dataset: Its dataset, see :func:`stored_dataset`.
        workspace: Workspace with the features in its cache.
        by: A column of the task's table; if empty the class, the first target, or the subject.
        items: Largest number of test images; 0 for all.
        seed: Seed of their choice.
        few_people: Keep of people only those who have most images, since each has a colour.

    Raises:
        StageError: The features are not in the cache.
        DataError: The dataset has no column to colour by.
        UnknownNameError: There is no such column.
    """
    folder = features_folder(result, workspace)
    features = read_features(folder, len(dataset))
    column = by or _usual_column(dataset)
    if column not in dataset.table:
        raise UnknownNameError("column", column, map(str, dataset.table.columns), where="--by")
    rows = _rows(dataset, features, column, few_people=few_people)
    if 0 < items < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, items, replace=False))
    labels, names = _labels(dataset, dataset.table[column].iloc[rows])
    values = np.asarray(features.values[rows], dtype=np.float32)
    return Labelled(values, rows, labels, names, column)


def features_folder(result: Result, workspace: Workspace) -> Path:
    """Return the folder of a result's features.

    Args:
        result: A stored result.
        workspace: Workspace with the features in its cache.

    Raises:
        StageError: They are not there.
    """
    folder = workspace.folder("features", result.record.stages.features)
    if not folder.is_dir():
        raise StageError(
            f"{result.path}: its features are not in the cache: found no {folder}; expected what "
            "its run left there. Give the --cache of that run, or run it again."
        )
    return folder


def stored_dataset(result: Result, workspace: Workspace, registry: Registry) -> Dataset:
    """Open the dataset that a result was evaluated on.

    Args:
        result: A stored result.
        workspace: Workspace with real data in its data folder, and stand-ins in its cache.
        registry: Registry of the task.

    Raises:
        DataError: The dataset is missing, or another one.
        StageError: Its faces are rendered, and its run left nothing in the cache; rendering them
            again takes longer than a figure should.
    """
    record = result.record
    if record.task.synthetic:
        features_folder(result, workspace)
    run = saved_run(record.spec, registry)
    opened = Workspace(
        cache=workspace.cache, results=workspace.results, device=workspace.device,
        data=data_of(record, run, workspace), progress=workspace.progress,
    )  # fmt: skip
    dataset = open_judged_data(run, opened)
    if dataset.fingerprint != record.task.fingerprint:
        raise DataError(
            f"{record.task.title}: found the fingerprint {dataset.fingerprint[:16]}; "
            f"expected {record.task.fingerprint[:16]}, on which the result was measured. "
            "Give its --data."
        )
    return dataset


def _usual_column(dataset: Dataset) -> str:
    info = dataset.task.info
    for column in ("label", *info.targets, "subject"):
        if column in dataset.table:
            return column
    raise DataError(
        f"{info.title}: its table says nothing to colour by; expected a label, targets or subjects."
    )


def _rows(
    dataset: Dataset, features: Features, column: str, *, few_people: bool
) -> npt.NDArray[np.int64]:
    """Return the readable test rows; of people, if asked, those who have most images."""
    test = (dataset.table["split"] == "test").to_numpy() & features.readable
    if column == "subject" and few_people:
        shown = dataset.table["subject"][test].value_counts(sort=False).sort_index()
        most = shown.sort_values(ascending=False, kind="stable").index[:_NAMED]
        test &= dataset.table["subject"].isin(most).to_numpy()
    return np.flatnonzero(test)


def _labels(dataset: Dataset, column: pd.Series) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """Return class indices and names, or numbers and none."""
    info = dataset.task.info
    if column.name == "label" and info.classes:
        return column.to_numpy(np.float64), info.classes
    if pd.api.types.is_float_dtype(column):
        return column.to_numpy(np.float64), ()
    names, place = np.unique(column.to_numpy(), return_inverse=True)
    return place.astype(np.float64), tuple(map(str, names))
