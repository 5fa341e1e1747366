"""The workspace: one folder per stage, named by the hash of the stage's inputs."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from facebench.errors import SpecError, StageError, shortened
from facebench.progress import Progress, Silent
from facebench.runtime.listing import user_path

if TYPE_CHECKING:
    import torch

    from facebench.runtime.mirror import Mirror

Stage = Literal["checkpoints", "features"]

StandIns = Literal["", "missing", "always"]
"""When rendered faces take the place of real data: of ``missing`` datasets, ``always``, or, empty,
only where no data folder is given."""

_LONGEST_NAME = 255  # bytes, of all usual file systems


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Folders, device and progress reporter of a run.

    Only the number of devices affects results, by rounding; it is part of a checkpoint's key.

    Args:
        cache: Folder of stages, packed images, digests and synthetic stand-ins.
        results: Folder of result files.
        data: Folder below which real datasets are searched, if there is one.
        synthetic: When rendered faces take the place of real data.
        device: Device to compute on.
        progress: Progress reporter of long stages.
        devices: Devices of that type to pretrain on.
        nodes: Machines to pretrain on.
        rank: Place of this process among those that pretrain together. Only the first does anything
            else: writes the weights, evaluates them, and reports.
        force: Overwrite results that exist.
        verify_cache: Read every byte of the stages that are used, also where a stamp is known.
        mirror: Copies of finished stages and results, which machines share that share no folder.
    """

    cache: Path
    results: Path
    data: Path | None
    device: torch.device
    progress: Progress = Silent()  # noqa: RUF009 - has no state
    devices: int = 1
    nodes: int = 1
    rank: int = 0
    force: bool = False
    verify_cache: bool = False
    mirror: Mirror | None = None
    synthetic: StandIns = ""

    def folder(self, stage: Stage, key: str) -> Path:
        """Return the folder of a stage; it exists only when the stage is complete."""
        return self.cache / stage / key


def default_cache() -> Path:
    """Return ``FACEBENCH_CACHE``, else facebench's folder in the user's cache.

    Raises:
        SpecError: The system does not know where the user's home is (a container, a batch queue).
    """
    chosen = os.environ.get("FACEBENCH_CACHE")
    if chosen:
        return user_path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "facebench"
    except RuntimeError as error:  # neither HOME nor an entry for this user
        raise SpecError(
            "this user has no home folder; expected one for the cache. Name a folder with --cache "
            "or FACEBENCH_CACHE."
        ) from error


def default_data() -> Path | None:
    """Return ``FACEBENCH_DATA``, the folder of real datasets; None without it."""
    chosen = os.environ.get("FACEBENCH_DATA")
    return user_path(chosen) if chosen else None


def check_folder(folder: Path, flag: str) -> None:
    """Check that a folder can be written into, or made where it is named; makes nothing.

    Raises:
        SpecError: A part of its path is a file, or the system refuses its name.
    """
    try:
        for part in folder.parts:  # a folder that is missing hides what is wrong below it
            if len(os.fsencode(part)) > _LONGEST_NAME:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
    except OSError as error:
        raise SpecError(
            f"{flag} {shortened(folder)}: {error.strerror}; expected the name of a folder."
        ) from error
    except ValueError as error:  # a NUL character
        raise SpecError(f"{flag} {shortened(repr(str(folder)))}: {error}.") from error
    if not there.is_dir():
        raise SpecError(f"{flag} {folder}: {there} is a file; expected a folder.")


def read_record(
    path: Path, formats: Collection[int], decode: Callable[[str], Any] = json.loads
) -> dict[str, Any]:
    """Read the JSON record of a stage or result.

    Args:
        path: Path of the file.
        formats: Versions of the format that are read.
        decode: Parses the text; raises a ``ValueError`` if it is not JSON.

    Raises:
        StageError: It is missing, is not JSON, or has another format version.
    """
    try:
        record: dict[str, Any] = decode(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StageError(f"{path}: no such file.") from error
    except IsADirectoryError as error:
        raise StageError(f"{path}: is a folder; expected a JSON file in one.") from error
    except OSError as error:
        raise StageError(f"{path}: cannot be read: {error.strerror}.") from error
    except ValueError as error:  # of the text, or of its encoding
        raise StageError(f"{path}: not JSON ({error}). Delete it and run again.") from error
    found = record.get("format") if isinstance(record, dict) else None
    if not isinstance(found, int) or found not in formats:
        known = " or ".join(map(str, formats))
        raise StageError(
            f"{path}: format {found}; this version of facebench reads {known}. "
            "Delete it and run again, or use the version that wrote it."
        )
    return record


def to_json(record: dict[str, Any]) -> str:
    """Return a record as stable JSON text: sorted keys, one trailing newline."""
    return json.dumps(record, sort_keys=True, indent=2, allow_nan=False) + "\n"
