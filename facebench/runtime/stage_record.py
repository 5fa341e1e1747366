"""Records of stages: one JSON beside a stage's files, typed, versioned and sealed.

A record is read in one way only: :func:`read_stage_record` checks its version, its form and its
seal, :func:`check_files` the files beside it. Formats older than ``sealed_since`` have no seal and
are read as they are.

A whole file is read for its digest only if its stamp (inode, size, times of change) is another one
than when the digest was last right; so opening a stage that was not touched costs a ``stat`` for
each file. A disk that returns other bytes without any write keeps the stamp: ``facebench cache
check`` reads everything, and ``--verify-cache`` what a run uses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ValidationError

from facebench.errors import StageError
from facebench.runtime.atomic import atomic_write
from facebench.runtime.form import Form, Optional, Positive
from facebench.runtime.seal import SEAL, Seal, file_digest, record_digest, sealed
from facebench.runtime.violations import violations
from facebench.runtime.workspace import to_json

STAMPS = "checked.json"  # beside the record; only says what need not be read again
_AGAIN = "Delete the folder; the next run makes it again."

R = TypeVar("R", bound="StageRecord")


class StageRecord(Form):
    """What every stage's record has.

    Attributes:
        stage: Name of the stage in messages.
        newest: The format that is written.
        sealed_since: The first format with a seal.
    """

    stage: ClassVar[str]
    newest: ClassVar[int]
    sealed_since: ClassVar[int]

    format: Positive
    seal: Optional[Seal] = None


def write_stage_record(
    path: Path, form: type[R], record: Mapping[str, Any], digests: Mapping[str, str]
) -> R:
    """Write the record of a finished stage, and what was just written as checked.

    Args:
        path: Path of the record; the stage's files are beside it.
        form: Form of the record.
        record: Its content, without format and seal.
        digests: Digest of each file, by its name.
    """
    whole = sealed({**record, "format": form.newest}, digests)
    try:
        read = form.model_validate(whole)
    except ValidationError as error:
        raise _not_whole(path, form, whole, error) from error
    path.write_text(to_json(whole), encoding="utf-8")
    _remember(path.parent, {name: _stamp(path.parent / name) for name in digests})
    return read


def read_stage_record(path: Path, form: type[R]) -> R:
    """Read the record of a stage.

    Raises:
        StageError: It is missing, no JSON, of a later version, not of its form, or its content is
            not what was written.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StageError(f"{path}: no such file. {_AGAIN}") from error
    except OSError as error:
        raise StageError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # of the text, or of its encoding
        raise StageError(f"{path}: not JSON ({error}). {_AGAIN}") from error
    found = record.get("format") if isinstance(record, dict) else None
    if not isinstance(found, int) or not 1 <= found <= form.newest:
        raise StageError(
            f"{path}: format {found}; this version of facebench reads 1 to {form.newest}. "
            "Delete the folder and run again, or use the version that wrote it."
        )
    try:
        read = form.model_validate(record)
    except ValidationError as error:
        raise _not_whole(path, form, record, error) from error
    if found >= form.sealed_since and (
        read.seal is None or read.seal.record != record_digest(record)
    ):
        raise StageError(
            f"{path}: changed since it was written: its content does not have the digest in its "
            f"'{SEAL}'. {_AGAIN}"
        )
    return read


# Whether files are read in full here, also those whose stamp is known.
_in_full: ContextVar[bool] = ContextVar("in_full", default=False)


@contextmanager
def reading_in_full(asked: bool = True) -> Iterator[None]:
    """Let :func:`check_files` read every byte of what the block opens, if it is asked for."""
    token = _in_full.set(asked or _in_full.get())
    try:
        yield
    finally:
        _in_full.reset(token)


def check_files(folder: Path, record: StageRecord, *, everything: bool = False) -> None:
    """Check the files of a stage against its record.

    Args:
        folder: The stage.
        record: Its record; without a seal there is nothing to check against.
        everything: Read each file, also those whose stamp is known.

    Raises:
        StageError: A file is missing, or not the one that was written.
    """
    if record.seal is None:
        return
    stamps = {name: _stamp(folder / name) for name in record.seal.files}
    known = {} if everything or _in_full.get() else _known(folder)
    changed = [name for name, stamp in stamps.items() if known.get(name) != stamp]
    for name in changed:
        if file_digest(folder / name) != record.seal.files[name]:
            raise StageError(
                f"{folder / name}: changed since it was written: it does not have the digest in "
                f"the record of its {record.stage}. {_AGAIN}"
            )
    if changed:
        with suppress(OSError):  # a folder that is read only is read in full each time
            _remember(folder, stamps)


def file_digests_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the digests of files in a folder, by their names."""
    return {name: file_digest(folder / name) for name in names}


def stage_schema(form: type[StageRecord]) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a stage's record, as it follows from its form."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://facebench.invalid/{form.stage}.schema.json",
    }
    return head | form.model_json_schema()


def _not_whole(
    path: Path, form: type[StageRecord], record: Any, error: ValidationError
) -> StageError:
    first = next(violations(error, record))
    return StageError(
        f"{path}: not the record of a {form.stage}: '{first.key}': found {first.left}; expected "
        f"{first.right}. {_AGAIN}"
    )


def _stamp(path: Path) -> list[int]:
    """Return what changes with a file: a write changes its times, a copy its inode."""
    try:
        status = path.stat()
    except OSError as error:
        raise StageError(f"{path}: {error.strerror or error}. {_AGAIN}") from error
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _remember(folder: Path, stamps: Mapping[str, list[int]]) -> None:
    atomic_write(folder / STAMPS, json.dumps(stamps, sort_keys=True) + "\n")


def _known(folder: Path) -> dict[str, Any]:
    try:
        known = json.loads((folder / STAMPS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}
