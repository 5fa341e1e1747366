"""What a process does with a run of a sweep that another process planned."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import torch

from facebench.config.spec import ExtractSpec, RunSpec
from facebench.errors import FacebenchError, StageError
from facebench.pipeline.run import run
from facebench.registry import Registry
from facebench.request.loaded import LoadedRun, load_run
from facebench.runtime.device import resolve_device
from facebench.runtime.stops import Stopped, stop_signals
from facebench.runtime.terminal import gathered_warnings, log_to_terminal
from facebench.runtime.workspace import Workspace
from facebench.sweep.executors.common_folder import check_identity
from facebench.sweep.executors.protocol import Ended
from facebench.sweep.plan import PlannedRun

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Site:
    """What a process needs beside the run itself; the same for all runs of a sweep.

    Args:
        workspace: Folders and device.
        plugins: Single-file plugins, imported by each process.
        threads: Threads to compute with; no more than the process has.
        verbose: Whether info messages are logged.
        folder: Working folder, for names of files that are relative.
        identity: Identity of the cache, of :mod:`facebench.sweep.executors.common_folder`.
    """

    workspace: Workspace
    plugins: tuple[Path, ...]
    threads: int
    verbose: bool
    folder: Path
    identity: str


@dataclass(frozen=True)
class _Prepared:
    workspace: Workspace
    registry: Registry


def compute(site: bytes, planned: bytes) -> Ended:
    """Compute a run in a process that does nothing else; a signal ends it with a resume point.

    Args:
        site: The :class:`Site`, from :func:`packed`.
        planned: The run, from :func:`packed_run`.
    """
    try:
        with stop_signals():
            here = _prepared(site)
            # Only now, since options in it may belong to a single-file plugin.
            spec, beside = pickle.loads(planned)
            load = partial(load_run, spec, here.registry)
            with gathered_warnings() as warnings:
                ended = attempt(spec, load, here.workspace, beside)
            return replace(ended, warnings=tuple(warnings))
    except Stopped as stop:
        return Ended(error=stop.line)
    except FacebenchError as error:
        return Ended(error=str(error))


@lru_cache(maxsize=1)  # a process computes several runs of one sweep
def _prepared(packed_site: bytes) -> _Prepared:
    site: Site = pickle.loads(packed_site)
    try:
        os.chdir(site.folder)
    except OSError as error:
        raise StageError(
            f"{site.folder}: {error.strerror} on this machine; expected the folder in which the "
            "sweep was started. Start it in one that all machines share."
        ) from error
    if site.workspace.mirror is None:  # else each machine has a cache of its own
        check_identity(site.workspace.cache, site.identity)
    resolve_device(str(site.workspace.device))
    torch.set_num_threads(min(site.threads, torch.get_num_threads()))
    log_to_terminal(site.verbose)
    return _Prepared(site.workspace, Registry(site.plugins))


def packed(site: Site) -> bytes:
    """Return a site for another process; never written to a file by facebench."""
    return pickle.dumps(site)


def packed_run(planned: PlannedRun) -> bytes:
    """Return what another process needs of a run."""
    return pickle.dumps((planned.spec, planned.beside))


def attempt(
    spec: RunSpec,
    load: Callable[[], LoadedRun],
    workspace: Workspace,
    beside: tuple[ExtractSpec, ...],
) -> Ended:
    """Return the path of the result, or the error; a bug must not stop the other runs either."""
    try:
        return Ended(result=run(load(), workspace, beside).path)
    except FacebenchError as error:
        return Ended(error=str(error))
    except Exception as error:
        _log.exception("%s", spec.name)
        return Ended(error=f"{type(error).__name__}: {error}")
