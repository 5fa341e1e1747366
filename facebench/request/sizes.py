"""Sizes of images that a backbone takes, instead of those that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from facebench.request.loaded import LoadedRun


def with_sizes_taken(
    run: LoadedRun, origins: Mapping[str, str], nearest: Callable[[int], int]
) -> tuple[LoadedRun, dict[str, str]]:
    """Return a run that learns from, and extracts features of, images that its backbone takes.

    Args:
        run: The run as asked for.
        origins: Where the values that were asked for come from, by ``group.key``.
        nearest: From a side in pixels to the nearest one that the shared backbone takes; see
            ``Backbone.nearest_size``.

    Returns:
        The run, and the origin of each size that differs from what was asked for.

    Raises:
        SpecError: The backbone takes no such images.
    """
    if not run.method.info.backbone:
        return run, {}
    learn, judge = run.spec.pretrain, run.spec.extract
    taken = run.with_spec(
        pretrain=replace(learn, image_size=nearest(learn.image_size)),
        extract=replace(judge, image_size=nearest(judge.image_size)),
    )
    sides = {
        "pretrain.image_size": (learn.image_size, taken.spec.pretrain.image_size),
        "extract.image_size": (judge.image_size, taken.spec.extract.image_size),
    }
    return taken, {
        key: f"{after}, nearest to {before} ({origins[key]}) that {run.spec.backbone} takes"
        for key, (before, after) in sides.items()
        if before != after
    }
