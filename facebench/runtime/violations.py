"""What breaks a form: in words, for each key of a JSON what is found and what is expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from facebench.runtime.differences import MISSING, Difference, shortened

# By pydantic's name of a broken rule; {} is filled with its bounds.
_EXPECTED = {
    "int_type": "integer",
    "float_type": "number",
    "string_type": "string",
    "bool_type": "boolean",
    "tuple_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "dataclass_type": "object",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "string_too_short": "a text, not empty, of length {min_length}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "too_short": "entries, at least {min_length}",
    "too_long": "entries, at most {max_length}",
    "value_error": "{error}",
}
_END_OF_INTERVAL = "number, null, or a list of these"


def violations(error: ValidationError, record: Any) -> Iterator[Difference]:
    """Yield what an error of the models says about JSON, once for each key, sorted by keys."""
    found: dict[str, Difference] = {}
    for one in sorted(error.errors(include_url=False), key=lambda e: [*map(str, e["loc"])]):
        violation = _violation(one, record)
        if not _follows(one, record):
            found.setdefault(violation.key, violation)
    yield from found.values()


def _violation(error: Mapping[str, Any], record: Any) -> Difference:
    key, holder = "", record
    *above, last = error["loc"] or ("",)
    for step in above:
        if not _has(holder, step):
            break  # the name of a type among several, and no key
        key, holder = _joined(key, step), holder[step]
    if error["type"] == "missing":
        return Difference(_joined(key, last), MISSING, "this key")
    if _has(holder, last):
        expected = _EXPECTED.get(error["type"], "{message}")
        values = {**error.get("ctx", {}), "message": error["msg"]}
        return Difference(_joined(key, last), shortened(holder[last]), expected.format_map(values))
    expected = _END_OF_INTERVAL if key else _EXPECTED["model_type"]
    return Difference(key or "the file", shortened(holder), expected)


def _follows(error: Mapping[str, Any], record: Any) -> bool:
    """Whether a list is too short only because its wrong items, which are named, do not count."""
    if error["type"] != "too_short":
        return False
    for step in error["loc"]:
        record = record[step]
    return bool(len(record) >= error["ctx"]["min_length"])


def _has(holder: Any, step: Any) -> bool:
    if isinstance(holder, dict):
        return step in holder
    return isinstance(holder, (list, tuple)) and isinstance(step, int) and step < len(holder)


def _joined(key: str, step: str | int) -> str:
    return f"{key}[{step}]" if isinstance(step, int) else f"{key}.{step}".removeprefix(".")
