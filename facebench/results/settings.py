"""What was asked for, as a result states it: the spec of its run."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from facebench.config.other_probe import NAMES, unread
from facebench.protocol import LINEAR
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

T = TypeVar("T")


class _WhereRead:
    """Of an option that only results of a probe that reads it have."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_before_validator_function(_read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found: dict[str, Any] = handler(schema)["anyOf"][0]
        return found


def _read(value: Any, info: ValidationInfo) -> Any:
    if value is None and not unread(info.data.get("kind") or LINEAR):
        raise PydanticKnownError("missing")
    return value


WhereRead = Annotated[T | None, _WhereRead(), Field(validate_default=True)]
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
    sync_batchnorm: Optional[Flag] = None
    gradient_norm_every: Optional[Positive] = None
    compile: Optional[Literal["views", "graphs"]] = None


class AlignSettings(Form):
    """Which part of an image was evaluated; see :class:`facebench.config.align.AlignSpec`."""

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
    """How features were evaluated; see :class:`facebench.config.spec.ProbeSpec`."""

    kind: Optional[Text] = None  # the first, since it decides which of the others are there
    epochs: WhereRead[Positive] = None
    batch_size: WhereRead[Positive] = None
    paper_lr: WhereRead[Above0] = None
    lrs: WhereRead[LearningRates] = None
    weight_decays: WhereRead[Annotated[tuple[AtLeast0, ...], Field(min_length=1)]] = None
    holdout: Part
    centre: WhereRead[Flag] = None
    verification: WhereRead[Literal["cosine", "learned"]] = None
    embedding_dim: WhereRead[Positive] = None
    pair_epochs: WhereRead[Positive] = None
    pair_lrs: WhereRead[LearningRates] = None
    resamples: Annotated[int, Field(strict=True, ge=100)]
    # These are there where it is not the linear probe.
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
