"""A stored result with its data and its features, for figures that need them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict, Unpack

import torch

from facebench.api.figures import Stored
from facebench.api.places import data_folder, optional_path, paths
from facebench.api.results import opened
from facebench.data.dataset import Dataset
from facebench.progress import Progress
from facebench.registry import Registry
from facebench.report.figures.image_grid import SIDE, Cell, licence_warnings
from facebench.report.figures.stored_features import (
    Labelled,
    features_folder,
    labelled_features,
    stored_dataset,
)
from facebench.results.store import Result
from facebench.runtime.terminal import TerminalProgress
from facebench.runtime.workspace import Workspace, default_cache

_log = logging.getLogger(__name__)


class Places(TypedDict, total=False):
    """Where the data and features of a result are.

    Args:
        data: Folder of the real datasets; by default ``FACEBENCH_DATA``.
        cache: Folder of the features; by default ``FACEBENCH_CACHE``.
        plugins: Python files with a method, task or backbone.
        progress: Progress reporter; by default a bar, where one can be drawn.
    """

    data: str | Path | None
    cache: str | Path | None
    plugins: Sequence[str | Path]
    progress: Progress | None


@dataclass(frozen=True)
class StoredRun:
    """A result with its data and its features.

    Args:
        result: The result.
        workspace: Folders, with the features in its cache.
        registry: Registry of its plugins.
    """

    result: Result
    workspace: Workspace
    registry: Registry

    @cached_property
    def dataset(self) -> Dataset:
        """Return its dataset, opened."""
        return stored_dataset(self.result, self.workspace, self.registry)

    def features(self, by: str, **named: Any) -> Labelled:
        """Return its features; see :func:`labelled_features`."""
        features_folder(self.result, self.workspace)  # before a dataset is opened
        return labelled_features(self.result, self.dataset, self.workspace, by=by, **named)

    def warned(self) -> tuple[str, ...]:
        """Return what is to be said of its images, and log it."""
        warnings = licence_warnings(self.dataset.task.info, self.dataset.synthetic)
        for warning in warnings:
            _log.warning("%s", warning)
        return warnings

    def cell(self, rows: Sequence[int], text: str, right: bool | None = None) -> Cell:
        """Return images of the dataset as they were cropped, with a text below."""
        return Cell(tuple(self.dataset.image(row, SIDE) for row in rows), text, right)


def stored_run(result: Stored, **places: Unpack[Places]) -> StoredRun:
    """Open a result with the places of its data and features; nothing is read yet.

    Args:
        result: A result, or its JSON file.
        **places: See :class:`Places`.
    """
    stored = opened(result)
    workspace = Workspace(
        cache=optional_path(places.get("cache")) or default_cache(),
        results=stored.path.parent,
        data=data_folder(places.get("data")),
        device=torch.device("cpu"),
        progress=places.get("progress") or TerminalProgress(),
    )
    return StoredRun(stored, workspace, Registry(paths(places.get("plugins"))))
