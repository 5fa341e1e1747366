"""The record of a feature store, as it is kept beside the values."""

from __future__ import annotations

from typing import Any, ClassVar

from facebench.runtime.form import AtLeast0, Count, Form, Optional, Positive, Sha256, Text
from facebench.runtime.seal import Digest
from facebench.runtime.stage_record import StageRecord


class Layout(Form):
    """Shape ``[N, D]`` and type of the values."""

    shape: tuple[Positive, Positive]
    dtype: Text


class Extracted(Form):
    """How far an extraction that is under way has come.

    Args:
        layout: Shape and type of the whole store.
        done: Rows that are on the disk.
        broken: Those of them whose image could not be read.
        digest: XXH3 of the file, from its beginning to the end of these rows.
    """

    layout: Layout
    done: Count
    broken: tuple[Count, ...]
    digest: Digest


class FeaturesRecord(StageRecord):
    """What a feature store says about itself.

    Args:
        extract: The spec of the extraction, where it was a run's.
        data: Fingerprint of the dataset, likewise.
        seconds: How long the extraction took since it was last resumed.
        images: Images extracted in that time.
        rows: Images in all; records of format 1 do not state it.
        dim: Length of a feature.
        broken: Rows whose image could not be read.
        layers: Layers that a feature holds, one after the other; not stated: one.
    """

    stage: ClassVar[str] = "feature store"
    newest: ClassVar[int] = 2
    sealed_since: ClassVar[int] = 2

    extract: Optional[dict[str, Any]] = None
    data: Optional[Sha256] = None
    seconds: AtLeast0
    images: Count
    rows: Optional[Positive] = None
    dim: Positive
    broken: tuple[Count, ...]
    layers: Optional[Positive] = None
