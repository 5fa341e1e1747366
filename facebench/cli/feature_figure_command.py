"""What ``facebench figure features`` does: read, project, draw."""

from __future__ import annotations

from pathlib import Path

import torch

from facebench.registry import Registry
from facebench.report.figures.drawing import check_target
from facebench.report.figures.feature import draw_features
from facebench.report.figures.projection import project
from facebench.report.figures.stored_features import labelled_features
from facebench.report.figures.title import figure_title
from facebench.results.store import read_result
from facebench.runtime.terminal import TerminalProgress, log_to_terminal
from facebench.runtime.workspace import Workspace, default_cache

_TITLES = {"tsne": "t-SNE", "pca": "PCA", "umap": "UMAP"}


def features_command(
    path: Path,
    out: Path,
    *,
    projection: str,
    by: str,
    items: int,
    seed: int,
    data: Path | None,
    cache: Path | None,
    plugins: tuple[Path, ...],
) -> None:
    """Draw the features of a stored result.

    Raises:
        FacebenchError: They are not in the cache, or cannot be drawn.
    """
    check_target(out)
    log_to_terminal(verbose=False)
    result = read_result(path)
    workspace = Workspace(
        cache=cache or default_cache(), results=path.parent, data=data,
        device=torch.device("cpu"), progress=TerminalProgress(),
    )  # fmt: skip
    shown = labelled_features(result, workspace, Registry(plugins), by=by, items=items, seed=seed)
    points = project(shown.values, projection, seed)
    below = f"{_TITLES[projection]} of {len(points):,} test images, by {shown.by}"
    draw_features(
        out, points, shown.labels, names=shown.names, by=shown.by,
        title=f"{figure_title(result.record)}\n{below}",
    )  # fmt: skip
