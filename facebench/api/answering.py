"""Records, while a request is computed, what the same request can be answered with next time."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from facebench.config.align import AlignSpec
from facebench.config.spec import RunSpec
from facebench.installed import registered
from facebench.results.answers import GROUPS, Answer, Answered, Said, State, keep_answer
from facebench.runtime.stamps import Inputs

if TYPE_CHECKING:
    from facebench.pipeline.stages import Stages
    from facebench.results.store import Result
    from facebench.runtime.workspace import Workspace

_log = logging.getLogger(__name__)

# What was changed so shortly before this process began may have been changed again since.
_YOUNG_NS = 2_000_000_000
# Some versions of torch write it into a temporary folder, anew in each process.
_WRITTEN_BY_TORCH = "_remote_module_non_scriptable"


class Answering(logging.Handler):
    """Listens to a request that is prepared and executed.

    Messages count that a run gives before its first stage: those that follow are of what is
    computed, which is not computed a second time.

    Args:
        key: The hash of the request; None: nothing is kept.
    """

    def __init__(self, key: str | None) -> None:
        super().__init__(logging.WARNING)
        self._key = key
        self._said: list[Said] = []
        self._first: tuple[Said, ...] = ()
        self._opened: list[tuple[RunSpec, tuple[Said, ...]]] = []
        self._trees, self._files, self._stages = set[str](), set[str](), set[Path]()

    def __enter__(self) -> Self:
        """Begin to listen."""
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no longer."""
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a message."""
        self._said.append(Said(record.name, record.levelno, record.getMessage()))

    def prepared(self) -> None:
        """Take what was said until now as said before the first run."""
        self._first = self._taken()

    def opened(self, stages: Stages) -> None:
        """Take the data of a run, which are open now, and what was said of them."""
        if not _followed(stages):
            self._key = None
            return
        self._opened.append((stages.spec, self._taken()))
        roots = [stages.dataset.root, *([stages.source.root] if stages.source else [])]
        for root in filter(None, roots):
            (self._trees if root.is_dir() else self._files).add(str(root.absolute()))
        self._stages.add(stages.checkpoint_folder())

    def ended(self) -> None:
        """Drop what was said since the data of a run were opened: it was computed."""
        self._taken()

    def keep(
        self, results: Sequence[Result], plugins: Iterable[Path], workspace: Workspace
    ) -> None:
        """Keep what was recorded, unless something may have changed since this process began.

        Args:
            results: The results of all runs.
            plugins: Files given with ``--plugin``.
            workspace: Folders of the data and of the stages.
        """
        if self._key is None or any(result.record.seal is None for result in results):
            return
        try:
            read = _code(self._trees, {*self._files, *map(str, plugins)}, workspace.data)
            made = {workspace.folder("features", one.record.stages.features) for one in results}
            stages = sorted(str(folder.absolute()) for folder in self._stages | made)
            stamp, beside = read.stamp(), Inputs(trees=tuple(stages))
            if stamp.newest >= _began() - _YOUNG_NS:
                _log.debug("the request is not kept: what it reads was changed too lately")
                return
            states = (State(read, stamp.digest), State(beside, beside.stamp().digest))
            answer = Answer(states, self._first, tuple(self._runs(results)))
        except (OSError, LookupError, ValueError) as error:
            _log.debug("the request is not kept: %s", error)
            return
        keep_answer(self._key, answer)

    def _runs(self, results: Sequence[Result]) -> Iterable[Answered]:
        for (spec, said), result in zip(self._opened, results, strict=True):
            yield Answered(
                method=spec.method, task=spec.task, backbone=spec.backbone, preset=spec.preset,
                seed=spec.seed, file=str(result.path), key=result.record.stages.result,
                said=said,
            )  # fmt: skip

    def _taken(self) -> tuple[Said, ...]:
        said = tuple(self._said)
        self._said.clear()
        return said


def _began() -> int:
    """Return when this process began, in nanoseconds since 1970."""
    return int(psutil.Process().create_time() * 1e9)


def _followed(stages: Stages) -> bool:
    """Return whether all that a run reads lies below folders that are known, and is not aligned."""
    learned, source = stages.run.learned_task, stages.source
    infos = [stages.dataset.task.info, *([] if learned is None else [learned.info])]
    if stages.spec.align != AlignSpec() or any(info.parts for info in infos):
        return False
    if source is None:
        return True
    # Who is in a frame may be said beside the folder, in the table of VoxCeleb's speakers.
    return source.root is not None and (learned is not None or source.targets is None)


def _code(trees: set[str], files: set[str], data: Path | None) -> Inputs:
    """Return data together with the code that was run.

    Raises:
        LookupError: A plugin is registered whose package is not there.
    """
    points = [point for group in GROUPS for point in registered(group)]
    names = {point.value.replace(":", ".").partition(".")[0] for point in points}
    packages, modules = set[str](), set(files)
    for name in {"facebench", *names}:
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise LookupError(f"no package {name}")
        packages |= set(spec.submodule_search_locations or ())
        modules |= {spec.origin} if spec.origin and not spec.submodule_search_locations else set()
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    installed = {sysconfig.get_path(kind) for kind in kinds}
    known = tuple(f"{folder}{os.sep}" for folder in packages | installed)
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if (
            module.__name__ != _WRITTEN_BY_TORCH
            and isinstance(file, str)
            and not file.startswith(known)
            and Path(file).is_file()
        ):
            modules.add(file)
    found = {*packages, *trees}
    listed = () if data is None else (str(data.absolute()),)
    absolute = {str(Path(file).absolute()) for file in modules}
    return Inputs(tuple(sorted(found)), tuple(sorted(absolute)), listed)
