"""What the models of a result are made of: their base class, and the types of their values.

Types are strict, as JSON is: ``true`` is no number, and ``"1"`` is none either. A value is kept as
it was written, so that a file that is read and written again has the same bytes.
"""

from __future__ import annotations

import math
from dataclasses import is_dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

T = TypeVar("T")


class Form(BaseModel):
    """A JSON object with known keys; further ones (of plugins, of later versions) are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    def plain(self) -> dict[str, Any]:
        """Return what was read, as JSON: the keys that were there, sorted, and no defaults."""
        names = {name: field.alias or name for name, field in type(self).model_fields.items()}
        known = {
            names[name]: to_plain(value)
            for name, value in self.__dict__.items()
            if name in self.model_fields_set
        }
        return dict(sorted((known | (self.model_extra or {})).items()))

    def value(self, key: str) -> Any:
        """Return what stands at a key; None where nothing does, or no finite number.

        No run writes numbers that are not finite.
        """
        extra = self.model_extra or {}
        return finite(extra[key] if key in extra else self.__dict__.get(key))


def to_plain(value: Any) -> Any:
    """Return models and metrics, and tuples and mappings of them, as JSON."""
    if value is None or isinstance(value, (str, int, float)):  # most, so first
        return value
    if isinstance(value, Form):
        return value.plain()
    if is_dataclass(value):
        return vars(value)
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def finite(value: Any) -> Any:
    """Return a number, or several; None instead of NaN and infinity."""
    if isinstance(value, (list, tuple)):
        return type(value)(finite(item) for item in value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_written(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Check a number, but keep 1 and 1.0 apart: their hashes differ. NaN is within any bounds."""
    if not (isinstance(value, float) and math.isnan(value)):
        check(value)
    return value


class _NotNull:
    """Of a key that may be missing: where it is there, it is not null."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_present, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found: dict[str, Any] = handler(schema)["anyOf"][0]
        return found


def _present(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null", "a value that is not null")
    return value


Optional = Annotated[T | None, _NotNull()]
"""Of a key that may be missing, but is not null where it is there."""

Flag = Annotated[bool, Field(strict=True)]
String = Annotated[str, Field(strict=True)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Hash = Annotated[str, Field(strict=True, pattern="^[0-9a-f]{16}$")]
Sha256 = Annotated[str, Field(strict=True, pattern="^[0-9a-f]{64}$")]
Time = Annotated[str, Field(strict=True, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]

Count = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[int, Field(strict=True, ge=1)]

Number = Annotated[float, Field(strict=True), WrapValidator(_as_written)]
AtLeast0 = Annotated[float, Field(strict=True, ge=0), WrapValidator(_as_written)]
Above0 = Annotated[float, Field(strict=True, gt=0), WrapValidator(_as_written)]
Share = Annotated[float, Field(strict=True, ge=0, le=1), WrapValidator(_as_written)]
Part = Annotated[float, Field(strict=True, gt=0, lt=1), WrapValidator(_as_written)]
