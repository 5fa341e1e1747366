"""Rendered clips in place of VoxCeleb."""

from __future__ import annotations

import logging
from pathlib import Path

from facebench import synth
from facebench.data.stand_in import population
from facebench.progress import Progress, increments
from facebench.runtime.atomic import locked
from facebench.synth.marker import GENERATOR_VERSION

# The rendered stand-in at scale 1: the 2,048 frames that the quick preset takes, of 64 px, the size
# that the paper learns from.
_PEOPLE, _CLIPS, _FRAMES, _SIDE = 256, 2, 4, 64

_log = logging.getLogger(__name__)


def rendered_clips(cache: Path, scale: float, progress: Progress) -> Path:
    """Return the folder of the clips, rendered unless it exists; one process renders.

    Args:
        cache: Folder in which it is made.
        scale: Number of people, as a factor.
        progress: Progress reporter.
    """
    people = max(2, round(_PEOPLE * scale))
    target = cache / "synthetic" / f"voxceleb-g{GENERATOR_VERSION}-{people}x{_CLIPS}x{_FRAMES}"
    target.parent.mkdir(parents=True, exist_ok=True)
    _log.warning("voxceleb: SYNTHETIC clips instead of real video frames")
    with locked(target.parent / f".{target.name}.lock"):
        if target.is_dir():
            return target
        _log.info("voxceleb: rendering synthetic clips into %s", target)
        with progress.bar("render", people * _CLIPS * _FRAMES, "frame") as advance:
            synth.write_clips(
                target, identities=people, clips=_CLIPS, frames=_FRAMES, size=_SIDE,
                seed=population("voxceleb"), progress=increments(advance),
            )  # fmt: skip
    return target
