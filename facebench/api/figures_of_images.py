"""Figures that need images, features or weights: functions of ``facebench figure``.

Images come from the user's own disk. Of real people each figure has a licence's warning, which is
logged and stands in ``NAME.caption.txt``. See :mod:`facebench.api.figures`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from facebench.api.figures import Stored
from facebench.api.places import optional_path, paths
from facebench.api.stored_run import Places, StoredRun, stored_run
from facebench.registry import Registry
from facebench.report.figures.drawing import Drawing, check_target, write
from facebench.report.figures.feature import feature_points
from facebench.report.figures.image_grid import image_grid
from facebench.report.figures.mistakes import most_confident
from facebench.report.figures.neighbours import nearest_neighbours
from facebench.report.figures.projection import project
from facebench.report.figures.reconstructed_faces import reconstruct
from facebench.report.figures.reconstruction import reconstruction_grid
from facebench.report.figures.title import figure_title
from facebench.results.store import Result
from facebench.runtime.workspace import default_cache

_TITLES = {"tsne": "t-SNE", "pca": "PCA", "umap": "UMAP"}
_ACROSS = 6  # mistakes in a row

_log = logging.getLogger(__name__)


def draw_features(
    result: Stored,
    out: str | Path,
    *,
    projection: str = "tsne",
    by: str = "",
    items: int = 0,
    seed: int = 0,
    width: str = "",
    **places: Unpack[Places],
) -> Path:
    """Draw the features that a result was evaluated by: ``facebench figure features``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        projection: ``tsne``, ``pca`` or ``umap``.
        by: Column of the task's table to colour by.
        items: Largest number of test images; 0 for all.
        seed: Seed of the projection.
        width: ``screen``, or a column of a paper.
        **places: See :class:`Places`.

    Raises:
        StageError: The features are not in the cache.
        DataError: The dataset is missing or another one, or has no column to colour by.
    """
    check_target(Path(out))
    run = stored_run(result, **places)
    return write(features_drawing(run, projection, by=by, items=items, seed=seed), Path(out), width)


def features_drawing(
    run: StoredRun, projection: str, *, by: str = "", items: int = 0, seed: int = 0
) -> Drawing:
    """Return the projected features of a result; see :func:`draw_features`."""
    shown = run.features(by, items=items, seed=seed)
    points = project(shown.values, projection, seed)
    below = f"{_TITLES[projection]} of {len(points):,} test images, by {shown.by}"
    record = run.result.record
    return feature_points(
        points, shown.labels, names=shown.names, by=shown.by,
        title=f"{figure_title(record)}\n{below}", synthetic=record.task.synthetic,
    )  # fmt: skip


def draw_neighbours(
    result: Stored,
    out: str | Path,
    *,
    by: str = "",
    count: int = 6,
    beside: int = 6,
    seed: int = 0,
    width: str = "",
    **places: Unpack[Places],
) -> Path:
    """Draw test images with those nearest to them: ``facebench figure neighbours``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        by: Column of the task's table that says which neighbours are right.
        count: Number of queries.
        beside: Number of neighbours of each.
        seed: Seed of the choice of queries.
        width: ``screen``, or a column of a paper.
        **places: See :class:`Places`.

    Raises:
        StageError: The features are not in the cache.
        DataError: The dataset is missing or another one.
    """
    check_target(Path(out))
    run = stored_run(result, **places)
    drawing = neighbours_drawing(run, by=by, count=count, beside=beside, seed=seed)
    return write(drawing, Path(out), width)


def neighbours_drawing(
    run: StoredRun, *, by: str = "", count: int = 6, beside: int = 6, seed: int = 0
) -> Drawing:
    """Return queries with their nearest test images; see :func:`draw_neighbours`."""
    shown = run.features(by, few_people=False)
    found = nearest_neighbours(shown.values, count=count, beside=beside, seed=seed)

    def said(place: int) -> str:
        label = shown.labels[place]
        return shown.names[int(label)] if shown.names else f"{shown.by} {label:.0f}"

    grid = []
    for query, near, similar in zip(found.queries, found.nearest, found.similarity, strict=True):
        row = [run.cell([int(shown.rows[query])], f"query\n{said(query)}")]
        for place, cosine in zip(near, similar, strict=True):
            right = bool(shown.labels[place] == shown.labels[query]) if shown.names else None
            row.append(run.cell([int(shown.rows[place])], f"{cosine:.4f}\n{said(place)}", right))
        grid.append(row)
    title = f"{figure_title(run.result.record)}\nnearest of {len(shown.rows):,} test images"
    synthetic = run.result.record.task.synthetic
    return image_grid(grid, title, synthetic=synthetic, warnings=run.warned())


def draw_mistakes(
    result: Stored, out: str | Path, *, count: int = 12, width: str = "", **places: Unpack[Places]
) -> Path:
    """Draw the mistakes that a result was surest of: ``facebench figure mistakes``.

    Args:
        result: A result, or its JSON file.
        out: The file to draw.
        count: Number of mistakes.
        width: ``screen``, or a column of a paper.
        **places: See :class:`Places`.

    Raises:
        StageError: An earlier version wrote the result, and not how sure its decisions were.
        DataError: The dataset is missing or another one, or the result has no mistakes.
    """
    check_target(Path(out))
    return write(mistakes_drawing(stored_run(result, **places), count=count), Path(out), width)


def mistakes_drawing(run: StoredRun, *, count: int = 12) -> Drawing:
    """Return the most confident mistakes of a result; see :func:`draw_mistakes`."""
    record = run.result.record
    classes = run.registry.load("task", record.spec.task).info.classes
    found = most_confident(run.result, classes, count)
    place = {path: row for row, path in enumerate(run.dataset.table["path"])}
    cells = [run.cell([place[path] for path in one.paths], one.said) for one in found]
    across = _ACROSS // len(found[0].paths)
    grid = [cells[start : start + across] for start in range(0, len(cells), across)]
    what = (
        "largest errors" if record.task.protocol[0] == "regression" else "most confident mistakes"
    )
    title = f"{figure_title(record)}\nthe {len(cells)} {what}, validated"
    return image_grid(grid, title, synthetic=record.task.synthetic, warnings=run.warned())


def draw_reconstructions(
    learned: Stored,
    out: str | Path,
    *,
    images: str | Path | None = None,
    count: int = 6,
    seed: int = 0,
    width: str = "",
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
        width: ``screen``, or a column of a paper.
        cache: Folder of the checkpoints of results; by default ``FACEBENCH_CACHE``.
        plugins: Python files with the method or backbone.

    Raises:
        PluginError: The method draws none; the message names those that do.
        FacebenchError: Checkpoint or images are not available.
    """
    check_target(Path(out))
    path = learned.path if isinstance(learned, Result) else Path(learned)
    folder, registry = optional_path(cache) or default_cache(), Registry(paths(plugins))
    drawing = _reconstructed(
        path, folder, registry, images=optional_path(images), count=count, seed=seed
    )
    return write(drawing, Path(out), width)


def reconstructions_drawing(run: StoredRun) -> Drawing:
    """Return rendered faces from parts of their features; see :func:`draw_reconstructions`."""
    return _reconstructed(run.result.path, run.workspace.cache, run.registry)


def _reconstructed(
    learned: Path,
    cache: Path,
    registry: Registry,
    *,
    images: Path | None = None,
    count: int = 6,
    seed: int = 0,
) -> Drawing:
    drawn = reconstruct(learned, cache, registry, images=images, count=count, seed=seed)
    warnings = []
    if images is not None:
        warnings.append(
            f"This figure shows images of {images}. Whether they may be published is for their "
            "licence to say."
        )
        _log.warning("%s", warnings[0])
    return reconstruction_grid(
        drawn.columns, drawn.title, synthetic=images is None, warnings=tuple(warnings)
    )
