"""The records that come with facebench."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import ValidationError

from facebench.config.yaml_file import load_yaml
from facebench.errors import SpecError, UnknownNameError
from facebench.runtime.violations import violations
from facebench.zoo.record import ZooRecord

_FOLDER = Path(__file__).parent


@cache
def zoo_names() -> tuple[str, ...]:
    """Return the names of all records, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml")))


@cache
def zoo_record(name: str) -> ZooRecord:
    """Return a record.

    Raises:
        UnknownNameError: There is none of that name.
        SpecError: It is not of the form of a record.
    """
    if name not in zoo_names():
        raise UnknownNameError("model of the zoo", name, zoo_names())
    file = _FOLDER / f"{name}.yaml"
    return read_record(file.read_text(encoding="utf-8"), file.name)


def read_record(text: str, where: str) -> ZooRecord:
    """Return the record of a YAML text.

    Args:
        text: The YAML.
        where: Name of the file.

    Raises:
        SpecError: It is no YAML, or not of the form of a record; the first violation is named.
    """
    content = load_yaml(text, where)
    try:
        record = ZooRecord.model_validate(content)
    except ValidationError as error:
        first = next(violations(error, content))
        raise SpecError(
            f"{where}: no record of the zoo: '{first.key}': found {first.left}; expected "
            f"{first.right}."
        ) from error
    if f"{record.name}.yaml" != where:
        raise SpecError(f"{where}: its name is '{record.name}'; expected that of the file.")
    if (record.file is None) != (record.opens.by == "library"):
        raise SpecError(
            f"{where}: opens by {record.opens.by} and names {'a' if record.file else 'no'} file; "
            "expected a file unless a library fetches it."
        )
    return record
