"""What was asked for, as a result states it: the spec of its run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from facebench.config.other_probe import NAMES
from facebench.runtime.form import (
    Above0,
    AtLeast0,
    Count,
    Flag,
    Form,
    Number,
    Optional,
    Part,
    Positive,
    String,
    Text,
)

LearningRates = Annotated[tuple[Above0, ...], Field(min_length=1)]


class PretrainSettings(Form):
    """How the weights were learned; see :class:`facebench.config.spec.PretrainSpec`."""

    data: Text
    sampling: Literal["frames", "identities"]
    limit: Count
    image_size: Annotated[int, Field(strict=True, ge=16)]
    epochs: Positive
    batch_size: Annotated[int, Field(strict=True, ge=2)]
    lr: Above0
    weight_decay: AtLeast0
    schedule: Literal["cosine", "onecycle", "method"]
    checkpoint_minutes: AtLeast0


class AlignSettings(Form):
    """Which part of an image was judged; see :class:`facebench.config.align.AlignSpec`."""

    kind: Literal["crop", "none", "five_points"]
    side: Count
    centre: tuple[Number, ...]
    template: Text
    landmarks: String


class ExtractSettings(Form):
    """How features were extracted; see :class:`facebench.config.spec.ExtractSpec`."""

    feature: Text
    image_size: Positive
    pool: Literal["flatten", "mean", "gem"]
    dtype: Literal["float16", "float32"]
    batch_size: Positive


class ProbeSettings(Form):
    """How features were judged; see :class:`facebench.config.spec.ProbeSpec`."""

    epochs: Positive
    batch_size: Positive
    paper_lr: Above0
    lrs: LearningRates
    weight_decays: Annotated[tuple[AtLeast0, ...], Field(min_length=1)]
    holdout: Part
    centre: Flag
    verification: Literal["cosine", "learned"]
    embedding_dim: Positive
    pair_epochs: Positive
    pair_lrs: LearningRates
    resamples: Annotated[int, Field(strict=True, ge=100)]
    kind: Optional[Text] = None  # these are there where it is not the linear probe
    k: Optional[Positive] = None
    temperature: Optional[AtLeast0] = None
    ks: Optional[Annotated[tuple[Positive, ...], Field(min_length=1)]] = None
    temperatures: Optional[Annotated[tuple[AtLeast0, ...], Field(min_length=1)]] = None
    shots: Optional[Annotated[tuple[Above0, ...], Field(min_length=1)]] = None
    draws: Optional[Positive] = None

    def other(self) -> dict[str, Any]:
        """Return the probe and its options where it is not the linear one; else nothing."""
        return {name: value for name, value in self.plain().items() if name in NAMES}


class Settings(Form):
    """All of it; see :class:`facebench.config.spec.RunSpec`."""

    method: Text
    task: Text
    backbone: Text
    preset: Text
    method_options: dict[str, Any]
    task_options: dict[str, Any]
    pretrain: PretrainSettings
    extract: ExtractSettings
    probe: ProbeSettings
    seed: Count
    precision: Literal["32", "bf16"]
    limit: Count
    skip_broken: Flag
    dedup_test: Flag
    checkpoint: Optional[String] = None
    align: Optional[AlignSettings] = None
