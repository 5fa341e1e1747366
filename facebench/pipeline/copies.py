"""Stages and results of a run, and their copies at a URL, where it has one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from facebench.config.spec import RunSpec
from facebench.results.store import Result, ResultStore
from facebench.runtime.stage import obtain
from facebench.runtime.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True)
class Copies:
    """What a run takes from the mirror of its workspace, and gives to it; nothing without one.

    Args:
        workspace: Folders, and the mirror.
    """

    workspace: Workspace

    def has(self, folder: Path) -> bool:
        """Return whether there is a copy of a stage.

        Args:
            folder: Folder of the stage, in the cache.
        """
        mirror = self.workspace.mirror
        return mirror is not None and mirror.has(_stage(folder))

    def obtain(
        self,
        folder: Path,
        make: Callable[[Path], None],
        read: Callable[[Path], T],
        *,
        helps: bool = False,
    ) -> T:
        """Read a stage, of its copy or made if it is not on disk, and copy it unless it was.

        The arguments are those of :func:`facebench.runtime.stage.obtain`.

        Raises:
            StageError: The mirror does not answer, or the copy is not what was written.
        """
        mirror = self.workspace.mirror
        if mirror is None:
            return obtain(folder, make, read, helps=helps)

        def taken_or_made(folder: Path) -> None:
            if not mirror.take_folder(_stage(folder), folder):
                make(folder)

        found = obtain(folder, taken_or_made, read, helps=helps and not self.has(folder))
        mirror.give_folder(_stage(folder), folder)
        return found

    def find(self, store: ResultStore, spec: RunSpec, key: str) -> Result | None:
        """Return the stored result of a spec, of its copy if it is not on disk; None: neither is.

        Args:
            store: Folder of results.
            spec: The run.
            key: Hash of its result.
        """
        path = store.path(spec, key)
        if not path.exists():
            self.take_result(path)
        found = store.find(spec, key)
        mirror = self.workspace.mirror
        if found is not None and mirror is not None and not mirror.has(self._result(path)):
            self.keep(found)
        return found

    def take_result(self, path: Path) -> bool:
        """Make a result of its copy; return whether there is one.

        Args:
            path: Its JSON file, which is missing.
        """
        mirror = self.workspace.mirror
        return mirror is not None and mirror.take_files(self._result(path), path.parent)

    def keep(self, result: Result) -> Result:
        """Copy a result, over one of before, and return it."""
        if self.workspace.mirror is not None:
            files = (result.predictions_path, result.path)  # in the order of writing
            named = {file.name: file for file in files}
            self.workspace.mirror.give(self._result(result.path), named)
        return result

    def _result(self, path: Path) -> str:
        relative = path.relative_to(self.workspace.results).with_suffix("")
        return f"results/{relative.as_posix()}"


def _stage(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"
