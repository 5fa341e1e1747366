"""The form of a result: its JSON schema, and in words what breaks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from facebench.errors import StageError
from facebench.protocol import find_protocol, known_protocols
from facebench.results.record import Record
from facebench.runtime.differences import Difference
from facebench.runtime.violations import violations


def result_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of results, as it follows from the models."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://facebench.invalid/result.schema.json",
    }
    return head | Record.model_json_schema()


def form_or_violations(record: Any) -> Record | list[Difference]:
    """Return JSON as models, or where it is not of the form of a result: found, expected."""
    try:
        form = Record.model_validate(record)
    except ValidationError as error:
        return list(violations(error, record))
    protocol, _ = form.task.protocol
    if find_protocol(protocol) is None:
        return [Difference("task.protocol[0]", protocol, " or ".join(known_protocols()))]
    return form


def read_form(record: Any, path: Path) -> Record:
    """Read JSON into the models.

    Args:
        record: Content of the file.
        path: Path of the file, for messages.

    Raises:
        StageError: It is not of the form of a result; the first violation is named.
    """
    try:
        return Record.model_validate(record)
    except ValidationError as error:
        first, *others = violations(error, record)
        more = f" ({len(others)} more keys are wrong)" if others else ""
        raise StageError(
            f"{path}: not a whole result: '{first.key}': found {first.left}; expected "
            f"{first.right}{more}. Look at it with facebench results validate "
            f"{path.parent.parent}, or delete it."
        ) from error
