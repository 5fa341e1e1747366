"""Sizes of images that a backbone and a method take, instead of those that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from facebench.backbones import Backbone
from facebench.errors import SpecError
from facebench.registry import build_backbone
from facebench.request.loaded import LoadedRun

_FARTHEST = 512  # pixels from the size that is asked for, beyond which none is searched


_KEPT_MODELS, _KEPT_PARAMETERS = 4, 2**24
_kept: dict[tuple[type[Backbone], str], Backbone] = {}  # the one asked for last at the end


def shared_backbone(cls: type[Backbone], text: str) -> Backbone:
    """Build the backbone that runs share, to ask it for its sizes; it is not for learning.

    Those of a process's last requests are kept unless they are large: drawing initial weights
    takes most of the time of a request.

    Args:
        cls: Its class.
        text: As ``--backbone`` names it.

    Raises:
        SpecError: An argument is missing or not wanted.
    """
    backbone = _kept.pop((cls, text), None)
    if backbone is None:
        backbone = build_backbone(cls, text)
    if sum(parameter.numel() for parameter in backbone.parameters()) <= _KEPT_PARAMETERS:
        _kept[cls, text] = backbone
        if len(_kept) > _KEPT_MODELS:
            del _kept[next(iter(_kept))]
    return backbone


@dataclass(frozen=True)
class TakenSizes:
    """Sizes that the shared backbone of several runs takes.

    Args:
        backbone: The backbone, built.
        nearest: Its ``nearest_size``, each answer computed once.
    """

    backbone: Backbone
    nearest: Callable[[int], int]

    def learning(self, side: int, run: LoadedRun) -> int:
        """Return the side nearest to ``side`` that the backbone takes and the method learns from.

        Raises:
            SpecError: There is none; the message gives the sides that the backbone takes.
        """
        step = run.method.info.size_step if run.learns else 1
        taken = self.nearest(side)
        if taken % step == 0:
            return taken
        for distance in range(_FARTHEST):
            for found in (side + distance, side - distance):
                if found > 0 and found % step == 0 and self.nearest(found) == found:
                    return found
        raise SpecError(
            f"pretrain.image_size is {side}: '{run.method.info.name}' learns from images of a "
            f"multiple of {step} px, and {run.spec.backbone} takes {taken} px and no such size. "
            "Choose another backbone."
        )


def with_sizes_taken(
    run: LoadedRun, origins: Mapping[str, str], sizes: TakenSizes
) -> tuple[LoadedRun, dict[str, str]]:
    """Return a run that learns from, and extracts features of, images that its backbone takes.

    A backbone whose weights depend on the size of the images learns from the size that features
    are extracted at, so that methods are compared on images of one size; with a checkpoint that is
    handed in, features are extracted at the size that it has learned from.

    Args:
        run: The run as asked for.
        origins: Where the values that were asked for come from, by ``group.key``.
        sizes: Those that the shared backbone takes.

    Returns:
        The run, and the origin of each size that differs from what was asked for.

    Raises:
        SpecError: The backbone takes no such images.
    """
    if not run.method.info.backbone:
        return run, {}
    learn, judge, backbone = run.spec.pretrain, run.spec.extract, run.spec.backbone
    one = sizes.backbone.made_for is not None
    if one:
        asked = learn.image_size if run.spec.checkpoint else judge.image_size
        learned = judged = sizes.learning(asked, run)
    else:
        learned, judged = sizes.learning(learn.image_size, run), sizes.nearest(judge.image_size)
    changed = {
        "pretrain.image_size": (learn.image_size, learned),
        "extract.image_size": (judge.image_size, judged),
    }
    taken = run.with_spec(
        pretrain=replace(learn, image_size=learned), extract=replace(judge, image_size=judged)
    )
    return taken, {
        key: _origin(before, after, origins[key], backbone, one=one)
        for key, (before, after) in changed.items()
        if before != after
    }


def _origin(before: int, after: int, origin: str, backbone: str, *, one: bool) -> str:
    """Return why a size differs from what was asked for."""
    if one:
        return f"{after}, not {before} ({origin}), the one size that this run has on {backbone}"
    return f"{after}, nearest to {before} ({origin}) that {backbone} takes"
