"""What a protocol asks of a task, and how a protocol is found by its name.

A protocol says what is fitted on frozen features and how that is scored; it is one class. Tasks
and data need the half that is declared here: which columns a table has, how it is split. The other
half evaluates and scores: :class:`facebench.evaluation.protocol.Protocol`, the class to derive
from.

A name (``TaskInfo.protocol``, ``task.protocol`` in a result file) is turned into a class here and
nowhere else. The protocols of this project are in :data:`BUILT_IN`; those of another package are
its entry points of the group ``facebench.protocols``::

    [project.entry-points."facebench.protocols"]
    ranking = "my_package.ranking:Ranking"
"""

from __future__ import annotations

import importlib
import inspect
from abc import ABC, abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from facebench.errors import PluginError, SpecError, UnknownNameError
from facebench.installed import registered
from facebench.task import Metric, TaskInfo

if TYPE_CHECKING:
    import pandas as pd

    from facebench.targets import TargetKind

ScoreKind = Literal["honest", "paper"]
LINEAR = "linear"  # the probe of the protocol that a task names; of pairs: probe.verification
GROUP = "facebench.protocols"
CONTRACT = "facebench.evaluation.protocol:Protocol"  # imported only when a protocol is asked for
BUILT_IN = {
    "centroid": "facebench.evaluation.protocols.centroid:NearestCentroid",
    "classification": "facebench.evaluation.protocols.classification:Classification",
    "fewshot": "facebench.evaluation.protocols.few_shot:FewShot",
    "knn": "facebench.evaluation.protocols.neighbours:NearestNeighbours",
    "multilabel": "facebench.evaluation.protocols.multilabel:Multilabel",
    "regression": "facebench.evaluation.protocols.regression:Regression",
    "verification": "facebench.evaluation.protocols.verification:PairVerification",
    "weighted": "facebench.evaluation.protocols.weighted:WeightedLayers",
}


class TableProtocol(ABC):
    """The half of a protocol that tasks and data need.

    A class sets ``name`` and ``version``, and the flags that differ from their defaults.
    """

    name: ClassVar[str]
    """As tasks and result files give it."""

    version: ClassVar[int]
    """Goes up when the same features would get other scores; versions never share a column."""

    folded: ClassVar[bool] = False
    """Whether every item is tested once, by what was fitted on other folds: its tables have the
    split ``test`` alone."""

    paired: ClassVar[bool] = False
    """Whether an item is a pair of images, of ``Task.pairs``; pairs may share images and people."""

    binary_targets: ClassVar[bool] = False
    """Whether each of ``info.targets`` is 0 or 1."""

    target_kind: ClassVar[TargetKind | None] = None
    """What a method can learn from the tables' labels (:mod:`facebench.targets`): ``classes`` from
    ``label``, ``labels`` and ``numbers`` from ``info.targets``, ``identities`` from ``subject``."""

    probe_of: ClassVar[str] = ""
    """The protocol whose tasks it evaluates as well, if they are asked to be: its name is then one
    of ``--probe``, and its scores never stand in a column with those of that protocol."""

    needs_feature: ClassVar[str] = ""
    """The one feature that it evaluates, of methods that are asked for by name; empty: any."""

    @abstractmethod
    def table_columns(self, info: TaskInfo) -> tuple[str, ...]:
        """Return the columns that ``Task.manifest`` gives besides ``path`` and ``split``.

        Raises:
            PluginError: The task's declaration lacks something.
        """

    def check_table(self, info: TaskInfo, table: pd.DataFrame) -> None:  # noqa: B027
        """Check the values of these columns; by default anything is accepted.

        Args:
            info: Declaration of the task.
            table: One row for each image.

        Raises:
            PluginError: A value breaks the contract.
        """

    @abstractmethod
    def metrics(self, info: TaskInfo) -> tuple[str, ...]:
        """Return the names of the metrics that each score of such a task has, with intervals."""

    def columns(self, info: TaskInfo) -> tuple[Metric, ...]:
        """Return what a table prints of such a task, from left to right.

        By default that is what the task declares, or its main metric alone.
        """
        return info.columns or (info.main_metric,)


def known_protocols() -> tuple[str, ...]:
    """Return the names of all protocols that can be found, sorted."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in registered(GROUP))}))


def find_protocol(name: str) -> Any:
    """Return the protocol called ``name``; None if there is none.

    Raises:
        PluginError: It cannot be imported, is no protocol, or two packages have one of that name.
    """
    target = BUILT_IN.get(name) or _of_a_package(name)
    return _load(name, target) if target else None


def table_protocol(name: str) -> TableProtocol:
    """Return the protocol called ``name``, as tasks and data see it.

    Raises:
        UnknownNameError: There is no such protocol.
        PluginError: It cannot be imported, or is none.
    """
    found: TableProtocol | None = find_protocol(name)
    if found is None:
        raise UnknownNameError("protocol", name, known_protocols())
    return found


def judging_protocol(info: TaskInfo, probe: str) -> TableProtocol:
    """Return the protocol that evaluates a task: that of its declaration, or another probe of it.

    Args:
        info: Declaration of the task.
        probe: ``linear`` for the task's own protocol, or a name of :func:`probes_of`.

    Raises:
        UnknownNameError: There is no such probe at all.
        SpecError: The task is of another protocol than those that the probe evaluates.
    """
    if probe == LINEAR:
        return table_protocol(info.protocol)
    found: TableProtocol | None = find_protocol(probe)
    if found is None or not found.probe_of:
        known = {name for name in known_protocols() if find_protocol(name).probe_of}
        raise UnknownNameError("probe", probe, {LINEAR, *known})
    if found.probe_of != info.protocol:
        raise SpecError(
            f"--probe {probe} evaluates {found.probe_of}; found the task '{info.name}', which is "
            f"{info.protocol} and has the probes {', '.join(probes_of(info))}. Leave the task out, "
            "or choose another probe."
        )
    return found


def probes_of(info: TaskInfo) -> tuple[str, ...]:
    """Return the probes that a task can be evaluated by, the one of its own protocol first."""
    others = (name for name in known_protocols() if find_protocol(name).probe_of == info.protocol)
    return (LINEAR, *others)


def no_training_labels(info: TaskInfo) -> str:
    """Return why no label of an evaluated task may be learned from; empty if some may."""
    protocol = table_protocol(info.protocol)
    if protocol.folded and not protocol.paired:
        return (
            f"each image of '{info.name}' is tested in one of its folds, so none is left to train "
            "on. Give --pretrain-data of another task."
        )
    return ""


def _of_a_package(name: str) -> str:
    targets = sorted({point.value for point in registered(GROUP) if point.name == name})
    if len(targets) > 1:
        raise PluginError(
            f"protocol '{name}' is registered by {' and '.join(targets)}; one name has one owner. "
            "Uninstall or rename one of them."
        )
    return targets[0] if targets else ""


@cache
def _load(name: str, target: str) -> Any:
    try:
        cls = _attribute(target)
    except Exception as error:
        raise PluginError(
            f"protocol '{name}' cannot be imported from {target}: {type(error).__name__}: {error}. "
            "Repair or uninstall its package."
        ) from error
    contract: type[TableProtocol] = _attribute(CONTRACT)
    if not (inspect.isclass(cls) and issubclass(cls, contract) and cls.name == name):
        raise PluginError(
            f"protocol '{name}': {target} is {cls!r}; expected a subclass of {CONTRACT} that is "
            "called so. Point the entry point at the class."
        )
    return cls()


def _attribute(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
