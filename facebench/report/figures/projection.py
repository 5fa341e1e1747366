"""Projection of features to two dimensions: t-SNE, PCA, or UMAP if it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from facebench.errors import DataError, FacebenchError, UnknownNameError

PROJECTIONS = ("tsne", "pca", "umap")

_FIRST = 50  # components before t-SNE and UMAP, as van der Maaten and Hinton (2008) do (30 there)
_NEIGHBORS = 15  # UMAP's own default
_PERPLEXITY = 30.0  # scikit-learn's default
_LEAST = 5  # minimum number of points


def project(values: npt.ArrayLike, how: str, seed: int) -> npt.NDArray[np.float64]:
    """Project features to a plane; the same features and seed always give the same points.

    Args:
        values: ``[N, D]``, finite.
        how: Name of the projection, one of ``PROJECTIONS``.
        seed: Seed for all random draws.

    Returns:
        ``[N, 2]``. Large distances of t-SNE and UMAP are not meaningful.

    Raises:
        UnknownNameError: There is no such projection.
        DataError: There are fewer than five features.
        FacebenchError: UMAP is asked for and not installed.
    """
    if how not in PROJECTIONS:
        raise UnknownNameError("projection", how, PROJECTIONS, where="--projection")
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    features = np.asarray(values, dtype=np.float32)
    if len(features) < _LEAST:
        raise DataError(
            f"too few features to project: found {len(features)}; expected at least {_LEAST}."
        )
    components = 2 if how == "pca" else min(_FIRST, *features.shape)
    first = PCA(components, svd_solver="randomized", random_state=seed).fit_transform(features)
    if how == "tsne":
        perplexity = min(_PERPLEXITY, (len(features) - 1) / 3)
        model: Any = TSNE(perplexity=perplexity, init="pca", random_state=seed)
        first = model.fit_transform(first)
    elif how == "umap":
        first = _umap(first, seed)
    points: npt.NDArray[np.float64] = np.asarray(first, dtype=np.float64)
    return points


def _umap(features: npt.NDArray[np.float32], seed: int) -> npt.NDArray[Any]:
    try:
        from umap import UMAP
    except ImportError as error:
        raise FacebenchError(
            "--projection umap needs the package umap-learn: it is not installed. Install "
            "'facebench[umap]', or use tsne."
        ) from error
    neighbors = min(_NEIGHBORS, len(features) - 1)
    model = UMAP(n_neighbors=neighbors, random_state=seed, n_jobs=1)
    points: npt.NDArray[Any] = model.fit_transform(features)
    return points
