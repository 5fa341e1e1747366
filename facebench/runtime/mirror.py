"""Copies of finished stages and results at a URL, for machines that share no folder.

A copy is a manifest, ``KIND/KEY.json``, with the size and the SHA-256 of each file, and an object
for each content, ``objects/SHA256``. Objects are written first and the manifest last, so a reader
finds a whole copy or none; two writers of one key write the same object, or objects with different
names. So neither a lock nor a rename is needed, which object stores do not have. What is taken is
read to its end and compared with its digest before it gets its name in the cache.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pydantic import ValidationError

from facebench.errors import FacebenchError, SpecError, StageError, shortened
from facebench.runtime.atomic import atomic_file, atomic_folder
from facebench.runtime.form import Count, Form, Sha256
from facebench.runtime.sha256 import sha256_of

FORMAT = 1


class _Content(Form):
    """Content of a file, which is the name of its object."""

    bytes: Count
    sha256: Sha256


class _Manifest(Form):
    """The files of a copy, by their names below its folder, in the order in which they are made."""

    format: Literal[1]
    files: dict[str, _Content]


@dataclass(frozen=True)
class Mirror:
    """Copies at a URL.

    Args:
        url: URL that fsspec opens: ``s3://bucket/folder``, ``gs://...``, ``file:///...``.

    Raises:
        SpecError: There is no such file system, its package is not installed, or it does not
            answer.
    """

    url: str

    def __post_init__(self) -> None:
        try:
            files, root = self._opened()
            bucket = root.partition("/")[0]
            there = files.exists(bucket if bucket and _has_buckets(files) else root)
        except Exception as error:  # of the file system's own package
            raise SpecError(
                f"--cache-mirror {shortened(self.url)}: {_first_line(error)}. Expected a URL that "
                "fsspec opens, such as s3://bucket/folder (pip install s3fs) or file:///folder."
            ) from error
        if _has_buckets(files) and not there:
            raise SpecError(
                f"--cache-mirror {shortened(self.url)}: found no bucket {shortened(bucket)}; "
                "expected one that exists. Correct the name, or make it."
            )

    def has(self, name: str) -> bool:
        """Return whether there is a copy.

        Args:
            name: ``checkpoints/KEY``, ``features/KEY``, or ``results/`` and a path.

        Raises:
            StageError: The URL does not answer.
        """
        with self._asking(f"{name}.json") as (files, place):
            return bool(files.exists(place))

    def give(self, name: str, contents: Mapping[str, Path]) -> None:
        """Write a copy, over one that is there.

        Args:
            name: As for :meth:`has`.
            contents: Files by their names below the folder of the copy, in the order in which they
                are to be made.

        Raises:
            StageError: The URL does not answer, or refuses to be written to.
        """
        listed: dict[str, Any] = {}
        for file, path in contents.items():
            size, digest = path.stat().st_size, sha256_of(path)
            with self._asking(f"objects/{digest}") as (files, place):
                if not files.exists(place) or files.size(place) != size:
                    _put(files, path, place)
            listed[file] = {"bytes": size, "sha256": digest}
        text = json.dumps({"format": FORMAT, "files": listed}, indent=2)
        with TemporaryDirectory() as folder, self._asking(f"{name}.json") as (files, place):
            manifest = Path(folder) / "manifest.json"
            manifest.write_text(text, encoding="utf-8")
            _put(files, manifest, place)

    def give_folder(self, name: str, folder: Path) -> None:
        """Write a copy of all files below a folder, unless there is one."""
        if not self.has(name):
            inside = sorted(path for path in folder.rglob("*") if path.is_file())
            self.give(name, {path.relative_to(folder).as_posix(): path for path in inside})

    def take_folder(self, name: str, folder: Path) -> bool:
        """Make a folder of a copy; return whether there is one.

        Raises:
            StageError: The URL does not answer, or the copy is not what was written.
        """
        manifest = self._manifest(name)
        if manifest is None:
            return False
        with atomic_folder(folder) as temporary:
            for file, content in manifest.items():
                target = temporary / file
                target.parent.mkdir(parents=True, exist_ok=True)
                self._take(content, target)
        return True

    def take_files(self, name: str, folder: Path) -> bool:
        """Make the files of a copy in a folder that may have others; as :meth:`take_folder`."""
        manifest = self._manifest(name)
        for file, content in (manifest or {}).items():
            with atomic_file(folder / file) as temporary:
                self._take(content, temporary)
        return manifest is not None

    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(self.url)
        return files, str(root).rstrip("/")

    @contextmanager
    def _asking(self, name: str) -> Iterator[tuple[Any, str]]:
        """Provide the file system and a path of it, and say in one line what went wrong there."""
        try:
            files, root = self._opened()
            files.invalidate_cache()  # of listings: another machine writes there, too
            yield files, f"{root}/{name}"
        except FacebenchError:
            raise
        except Exception as error:  # of the file system's own package
            raise StageError(
                f"{self.url}/{name}: {_first_line(error)}. Nothing of this machine is lost: the "
                "same command goes on."
            ) from error

    def _manifest(self, name: str) -> dict[str, _Content] | None:
        """Return the files of a copy; None if there is none.

        Raises:
            StageError: The URL does not answer, or it is no manifest.
        """
        if not self.has(name):
            return None
        with self._asking(f"{name}.json") as (files, place):
            text = files.cat_file(place)
        try:
            found = _Manifest.model_validate_json(text)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise StageError(
                f"{self.url}/{name}.json: no manifest ({reason}). Delete it."
            ) from None
        for file in found.files:
            path = PurePosixPath(file)
            if not path.parts or path.is_absolute() or {"..", "."} & {*path.parts} or "\\" in file:
                raise StageError(f"{self.url}/{name}.json: names the file {file!r}. Delete it.")
        return found.files

    def _take(self, content: _Content, target: Path) -> None:
        with self._asking(f"objects/{content.sha256}") as (files, place):
            files.get_file(place, str(target))
        if sha256_of(target) != content.sha256:
            raise StageError(f"{self.url}/objects/{content.sha256}: damaged. Delete it.")


def _has_buckets(files: Any) -> bool:
    protocols = [files.protocol] if isinstance(files.protocol, str) else files.protocol
    return not {"s3", "gs", "gcs", "abfs", "az"}.isdisjoint(protocols)


def _put(files: Any, path: Path, place: str) -> None:
    """Write a file; other file systems than the local one make its folder, where they have any."""
    from fsspec.implementations.local import LocalFileSystem

    if isinstance(files, LocalFileSystem):
        files.makedirs(place.rpartition("/")[0], exist_ok=True)
    files.put_file(str(path), place)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
