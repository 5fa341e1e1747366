"""Figures, as PNG or SVG: a function for each command of ``facebench figure``.

Each takes its input and the file to write, whose name ends in .png or .svg, and returns the file;
the same input gives the same bytes. They need matplotlib (``facebench[report]``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from facebench.api.places import data_folder, optional_path, paths
from facebench.api.results import opened
from facebench.disentangle.disentanglement import Disentanglement
from facebench.disentangle.report import read_disentanglement
from facebench.progress import Progress
from facebench.registry import Registry
from facebench.report.figures import action, confusion, curve, heat_map, labels, probe, roc, yaw
from facebench.report.figures import feature as feature_figure
from facebench.report.figures.drawing import check_target
from facebench.report.figures.projection import project
from facebench.report.figures.reconstructed_faces import reconstruct
from facebench.report.figures.reconstruction import draw_reconstructions as draw_faces
from facebench.report.figures.stored_features import labelled_features
from facebench.report.figures.title import check_kind, figure_title
from facebench.results.saved_method import saved_history
from facebench.results.store import Result
from facebench.runtime.terminal import TerminalProgress
from facebench.runtime.workspace import Workspace, default_cache

_TITLES = {"tsne": "t-SNE", "pca": "PCA", "umap": "UMAP"}

Stored = Result | str | Path  # a result, or its JSON file


def draw_curves(learned: Stored, out: str | Path) -> Path:
    """Draw training curves: ``facebench figure curves``.

    Args:
        learned: A result, its JSON file, or a checkpoint's folder.
        out: The file to draw.

    Raises:
        StageError: There is neither at ``learned``.
        DataError: Nothing was learned.
    """
    path = learned.path if isinstance(learned, Result) else Path(learned)
    curve.draw_curves(Path(out), saved_history(path), path.resolve().stem)
    return Path(out)


def draw_reconstructions(
    learned: Stored,
    out: str | Path,
    *,
    images: str | Path | None = None,
    count: int = 6,
    seed: int = 0,
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
) -> Path:
    """Draw faces from parts of their features: ``facebench figure reconstructions``.

    Args:
        learned: A checkpoint's folder, a result, or its JSON file.
        out: The file to draw.
        images: A folder to choose faces from; None renders them.
        count: Number of faces.
        seed: Seed of the choice of faces.
        cache: Folder of the checkpoints of results; by default ``FACEBENCH_CACHE``.
        plugins: Python files with the method or backbone.

    Raises:
        PluginError: The method draws none; the message names those that do.
        FacebenchError: Checkpoint or images are not available.
    """
    target = Path(out)
    check_target(target)
    path = learned.path if isinstance(learned, Result) else Path(learned)
    drawn = reconstruct(
        path, optional_path(cache) or default_cache(), Registry(paths(plugins)),
        images=optional_path(images), count=count, seed=seed,
    )  # fmt: skip
    draw_faces(target, drawn.columns, drawn.title)
    return target


def draw_factors(measured: Disentanglement | str | Path, out: str | Path) -> Path:
    """Draw which factor is in which feature: ``facebench figure disentanglement``.

    Args:
        measured: What :func:`facebench.measure_factors` returned, or a file of ``facebench
            disentangle --out``.
        out: The file to draw.

    Raises:
        StageError: The file is missing, or of another kind.
    """
    record: dict[str, Any]
    if isinstance(measured, Disentanglement):
        record = measured.record
    else:
        record = read_disentanglement(Path(measured))
    heat_map.draw_heat_map(Path(out), record)
    return Path(out)


def draw_confusion(
    result: Stored,
    out: str | Path,
    *,
    protocol: str = "validated",
    plugins: Sequence[str | Path] = (),
) -> Path:
    """Draw the confusion matrix of a classification result: ``facebench figure confusion``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        protocol: ``validated`` or ``test-selected``; also ``honest`` or ``paper``, as in files.
        plugins: Python files with the task, which names the classes.

    Raises:
        DataError: It is no classification result.
    """
    record = opened(result).record
    task = Registry(paths(plugins)).load("task", record.spec.task)
    confusion.draw_confusion(Path(out), record, task.info.classes, check_kind(protocol))
    return Path(out)


def draw_roc(result: Stored, out: str | Path, *, protocol: str = "validated") -> Path:
    """Draw the ROC curve of a verification result: ``facebench figure roc``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        protocol: ``validated`` or ``test-selected``; also ``honest`` or ``paper``, as in files.

    Raises:
        DataError: It is no verification result.
    """
    roc.draw_roc(Path(out), opened(result), check_kind(protocol))
    return Path(out)


def draw_actions(result: Stored, out: str | Path) -> Path:
    """Draw F1 of each action unit, with intervals and floors: ``facebench figure actions``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.

    Raises:
        DataError: It is no multilabel result.
    """
    action.draw_actions(Path(out), opened(result).record)
    return Path(out)


def draw_yaw(result: Stored, out: str | Path, *, protocol: str = "validated") -> Path:
    """Draw the errors of head poses by how far faces are turned: ``facebench figure yaw``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        protocol: ``validated`` or ``test-selected``; also ``honest`` or ``paper``, as in files.

    Raises:
        DataError: It is no result of head poses.
    """
    yaw.draw_errors_by_yaw(Path(out), opened(result).record, check_kind(protocol))
    return Path(out)


def draw_labels(results: Sequence[Stored], out: str | Path) -> Path:
    """Draw accuracy against the number of labelled images: ``facebench figure labels``.

    Args:
        results: Results of ``probe="fewshot"``, or their JSON files, of one task; a curve for each.
        out: The file to draw.

    Raises:
        DataError: There is none, one is of another probe, or they are of several tasks.
    """
    labels.draw_learning_curves(Path(out), [opened(result).record for result in results])
    return Path(out)


def draw_probe(result: Stored, out: str | Path) -> Path:
    """Draw the probe's test score after each epoch: ``facebench figure probe``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.

    Raises:
        DataError: No probe was trained (pairs compared by cosine).
    """
    probe.draw_probe(Path(out), opened(result).record)
    return Path(out)


def draw_features(
    result: Stored,
    out: str | Path,
    *,
    projection: str = "tsne",
    by: str = "",
    items: int = 2000,
    seed: int = 0,
    data: str | Path | None = None,
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> Path:
    """Draw the features that a result was judged by: ``facebench figure features``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        projection: ``tsne``, ``pca`` or ``umap``.
        by: Column of the task's table to colour by.
        items: Largest number of test images.
        seed: Seed of the projection.
        data: Folder of the real datasets; by default ``FACEBENCH_DATA``.
        cache: Folder of the features; by default ``FACEBENCH_CACHE``.
        plugins: Python files with a method, task or backbone.
        progress: Progress reporter; by default a bar, where one can be drawn.

    Raises:
        StageError: The features are not in the cache.
        DataError: The dataset is missing or another one, or has no column to colour by.
    """
    target = Path(out)
    check_target(target)
    stored = opened(result)
    workspace = Workspace(
        cache=optional_path(cache) or default_cache(), results=stored.path.parent,
        data=data_folder(data), device=torch.device("cpu"), progress=progress or TerminalProgress(),
    )  # fmt: skip
    registry = Registry(paths(plugins))
    shown = labelled_features(stored, workspace, registry, by=by, items=items, seed=seed)
    points = project(shown.values, projection, seed)
    below = f"{_TITLES[projection]} of {len(points):,} test images, by {shown.by}"
    feature_figure.draw_features(
        target, points, shown.labels, names=shown.names, by=shown.by,
        title=f"{figure_title(stored.record)}\n{below}",
    )  # fmt: skip
    return target
