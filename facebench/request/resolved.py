"""A run that a request means, with the origin of each of its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facebench.config.options import group_of
from facebench.config.spec import RunSpec
from facebench.request.loaded import LoadedRun


@dataclass(frozen=True)
class ResolvedRun:
    """One run, and where its options come from, which is no part of what it is.

    Args:
        loaded: The run: its spec, and the classes that this names.
        origins: ``group.key`` of each option of the method, of ``pretrain``, ``extract`` and
            ``probe`` and of the task, in that order -> ``default``, ``preset quick``,
            ``recipe official``, ``run.yaml, pcl.temperature``, ``--set pcl.temperature=0.1``,
            ``checkpoint`` (handed in), or ``method`` and ``task`` for what these declare.
    """

    loaded: LoadedRun
    origins: Mapping[str, str]

    @property
    def spec(self) -> RunSpec:
        """Return what is run."""
        return self.loaded.spec

    def settings(self) -> dict[str, tuple[Any, str]]:
        """Return the value and the origin of each option, in the order of ``origins``."""
        spec = self.spec
        groups = {
            spec.method: spec.method_options,
            "pretrain": spec.pretrain,
            "align": spec.align,
            "extract": spec.extract,
            "probe": spec.probe,
            spec.task: spec.task_options,
        }
        return {
            key: (getattr(groups[group_of(key)], key.partition(".")[2]), origin)
            for key, origin in self.origins.items()
        }
