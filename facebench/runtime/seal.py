"""Seals: digests by which damage to what was stored is found.

A record (JSON) holds ``seal``: the digest of each file that belongs to it, and one over everything
else that the record says. XXH3 with 128 bits finds damage and accidental edits, and is faster than
the disk; it is no signature, since a person who edits a file can compute the digest again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import xxhash
from pydantic import Field

from facebench.errors import StageError
from facebench.runtime.form import Form

SEAL = "seal"
_BLOCK = 1 << 20  # bytes; fits the processor's cache

Digest = Annotated[str, Field(strict=True, pattern="^[0-9a-f]{32}$")]


class Seal(Form):
    """The digests in a record.

    Args:
        record: XXH3 of the record's JSON, without this digest: sorted keys, no spaces.
        files: XXH3 of each file that belongs to the record, by its name.
    """

    record: Digest
    files: dict[str, Digest]


class RunningDigest:
    """A digest of bytes that are given part by part."""

    def __init__(self) -> None:
        self._state = xxhash.xxh3_128()

    def update(self, part: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._state.update(part)

    def hexdigest(self) -> str:
        """Return 32 hexadecimal digits of all bytes so far."""
        return self._state.hexdigest()


def file_digest(path: Path) -> str:
    """Return the digest of a file's content.

    Raises:
        StageError: It cannot be read.
    """
    return running_digest(path).hexdigest()


def running_digest(path: Path, size: int | None = None) -> RunningDigest:
    """Return the digest of a file's content, or of its first ``size`` bytes, to be continued.

    Raises:
        StageError: It cannot be read, or is shorter.
    """
    running, left = RunningDigest(), size
    try:
        with path.open("rb", buffering=0) as stream:
            # No more than a small file needs: a block is cleared before it is used.
            length = os.fstat(stream.fileno()).st_size
            buffer = memoryview(bytearray(min(_BLOCK, max(length, 1))))
            while left != 0:
                count = stream.readinto(buffer if left is None else buffer[:left])
                if not count:
                    break
                running.update(buffer[:count])
                left = None if left is None else left - count
    except OSError as error:
        raise StageError(f"{path}: cannot be read: {error.strerror or error}.") from error
    if left:
        raise StageError(f"{path}: too short: {left:,} bytes are missing.")
    return running


def bytes_digest(content: bytes) -> str:
    """Return the digest of bytes."""
    return xxhash.xxh3_128_hexdigest(content)


def sealed(record: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Return a record with its seal.

    Args:
        record: JSON; an older seal in it is replaced.
        files: Digest of each file that belongs to it, by its name.
    """
    whole = {**record, SEAL: {"files": dict(files)}}
    whole[SEAL]["record"] = record_digest(whole)
    return whole


def record_digest(record: Mapping[str, Any]) -> str:
    """Return the digest of what a record says, but for that digest itself."""
    seal = record.get(SEAL)
    rest = {k: v for k, v in seal.items() if k != "record"} if isinstance(seal, dict) else seal
    text = json.dumps({**record, SEAL: rest}, sort_keys=True, separators=(",", ":"))
    return bytes_digest(text.encode())
