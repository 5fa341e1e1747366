"""The record of a pack of faces, as it is stored beside them."""

from __future__ import annotations

from typing import ClassVar

from facebench.runtime.form import Flag, Positive, Sha256, String, Text
from facebench.runtime.stage_record import StageRecord


class PackRecord(StageRecord):
    """What a pack says about itself.

    Args:
        source: Name of the source.
        synthetic: Whether its images are rendered.
        fingerprint: SHA-256 of the source.
        size: Side of the images in pixels.
        count: Number of images.
        broken: Paths of images that could not be read and were left out.
        warnings: What the source says of itself.
    """

    stage: ClassVar[str] = "pack of faces"
    newest: ClassVar[int] = 2
    sealed_since: ClassVar[int] = 2

    source: Text
    synthetic: Flag
    fingerprint: Sha256
    size: Positive
    count: Positive
    broken: tuple[String, ...]
    warnings: tuple[String, ...]
