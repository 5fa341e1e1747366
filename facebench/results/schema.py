"""The form of a result: ``result.schema.json`` (JSON Schema, draft 2020-12), and what breaks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from facebench.protocol import find_protocol, known_protocols
from facebench.results.differences import MISSING, Difference, shortened

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

SCHEMA = "result.schema.json"

_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "minItems": "entries, at least",
    "maxItems": "entries, at most",
    "minLength": "a text, not empty, of length",
    "minProperties": "keys, at least",
}


def result_schema() -> dict[str, Any]:
    """Return the schema that ships with facebench."""
    text = files("facebench.results").joinpath(SCHEMA).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def schema_violations(record: Any) -> Iterator[Difference]:
    """Yield where a record is not of the form of a result: what is found, what is expected."""
    seen = set()
    for error in sorted(_validator().iter_errors(record), key=lambda e: list(map(str, e.path))):
        for violation in _violations(error):
            if violation.key not in seen:  # one place may break several rules
                seen.add(violation.key)
                yield violation
    if "task.protocol" not in {key.partition("[")[0] for key in seen}:
        yield from _unknown_protocol(record)


def _unknown_protocol(record: Any) -> Iterator[Difference]:
    """Yield the protocol that no installed package has, of a record that names one."""
    task = record.get("task") if isinstance(record, dict) else None
    named = task.get("protocol") if isinstance(task, dict) else None
    if named and find_protocol(named[0]) is None:
        yield Difference("task.protocol[0]", named[0], " or ".join(known_protocols()))


@cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(result_schema())


def _violations(error: Any) -> Iterator[Difference]:
    key = _key(error)
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield Difference(f"{key}.{name}" if key else name, MISSING, "this key")
    else:
        yield Difference(key or "the file", shortened(error.instance), _expected(error))


def _key(error: Any) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return "".join(steps).removeprefix(".")


def _expected(error: Any) -> str:
    rule, value = error.validator, error.validator_value
    if rule == "type":
        return " or ".join([value] if isinstance(value, str) else value)
    if rule in ("enum", "const"):
        return " or ".join(map(str, value if rule == "enum" else [value]))
    if rule == "pattern":
        return f"a text that matches {value}"
    if rule in _BOUNDS:
        return f"{_BOUNDS[rule]} {value}"
    return "number, null, or a list of these"  # anyOf: an end of an interval
