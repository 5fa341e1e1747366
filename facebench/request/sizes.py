"""Sizes of images that a backbone takes, instead of those that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from facebench.config.spec import RunSpec
from facebench.request.loaded import LoadedRun


def sizes_taken(run: LoadedRun, nearest: Callable[[int], int]) -> LoadedRun:
    """Return a run that learns from, and extracts features of, images that its backbone takes.

    Args:
        run: The run as asked for.
        nearest: From a side in pixels to the nearest one that the shared backbone takes; see
            ``Backbone.nearest_size``.

    Raises:
        SpecError: The backbone takes no such images.
    """
    if not run.method.info.backbone:
        return run
    learn, judge = run.spec.pretrain, run.spec.extract
    return run.with_spec(
        pretrain=replace(learn, image_size=nearest(learn.image_size)),
        extract=replace(judge, image_size=nearest(judge.image_size)),
    )


def changed_sizes(
    asked: RunSpec, taken: RunSpec, origins: Mapping[str, str]
) -> dict[str, tuple[int, str]]:
    """Return the new value and origin of each size that was changed.

    Args:
        asked: The run as asked for.
        taken: The same with sizes that its backbone takes.
        origins: Where the values that were asked for come from.
    """
    sides = {
        "pretrain.image_size": (asked.pretrain.image_size, taken.pretrain.image_size),
        "extract.image_size": (asked.extract.image_size, taken.extract.image_size),
    }
    return {
        key: (after, f"nearest that {asked.backbone} takes to {before} ({origins[key]})")
        for key, (before, after) in sides.items()
        if before != after
    }
