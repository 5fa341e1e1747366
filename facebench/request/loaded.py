"""A spec together with the classes that it names, so that no name is looked up again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from facebench.backbones import NoBackbone
from facebench.config.spec import RunSpec
from facebench.method import Method
from facebench.registry import Loaded, PluginKind, Registry, build_backbone
from facebench.task import Task

Plugins = Mapping[tuple[PluginKind, str], Loaded]


@dataclass(frozen=True)
class LoadedRun:
    """One run: its spec and the classes that execute it.

    Args:
        spec: Spec of the run.
        method: Its method.
        task: Its task.
        learned_task: The task whose images are learned from; None if it is no task's.
        backbone: The class of its backbone; None if the method has one of its own.
        sources: Digest of the file of each kind of plugin; empty for installed plugins, which
            declare a version.
    """

    spec: RunSpec
    method: type[Method]
    task: type[Task]
    learned_task: type[Task] | None
    backbone: type[Any] | None
    sources: Mapping[PluginKind, str]

    @property
    def learns(self) -> bool:
        """Return whether weights are trained: not for a baseline, nor if they are supplied."""
        return self.method.info.learns and not self.spec.checkpoint

    def new_backbone(self) -> Any:
        """Build the backbone, with weights from the global random state."""
        if self.backbone is None:
            return NoBackbone()
        return build_backbone(self.backbone, self.spec.backbone)

    def with_spec(self, **changes: Any) -> LoadedRun:
        """Return the same run with other values in its spec; it names the same plugins."""
        return replace(self, spec=replace(self.spec, **changes))


def loaded_run(spec: RunSpec, plugins: Plugins) -> LoadedRun:
    """Return a spec with those of the plugins that it names."""
    method, task = plugins["method", spec.method], plugins["task", spec.task]
    learned = plugins.get(("task", spec.pretrain.data))
    backbone = None
    if method.cls.info.backbone:
        backbone = plugins["backbone", backbone_plugin(spec.backbone)]
    sources: dict[PluginKind, str] = {
        "method": method.plugin.digest,
        "backbone": "" if backbone is None else backbone.plugin.digest,
        "task": task.plugin.digest,
    }
    return LoadedRun(
        spec,
        method.cls,
        task.cls,
        None if learned is None else learned.cls,
        None if backbone is None else backbone.cls,
        sources,
    )


def load_run(spec: RunSpec, registry: Registry) -> LoadedRun:
    """Return a spec with the classes that it names.

    Raises:
        UnknownNameError: There is no such method, task or backbone.
        PluginError: One of them cannot be loaded.
    """
    plugins = registry.load_all({"method": [spec.method]})  # which says what else is needed
    info = plugins["method", spec.method].cls.info
    learned = [spec.pretrain.data] if info.learns and not spec.checkpoint else []
    backbones = [backbone_plugin(spec.backbone)] if info.backbone else []
    plugins |= registry.load_all(
        {"task": [spec.task], "backbone": backbones}, if_known={"task": learned}
    )
    return loaded_run(spec, plugins)


def backbone_plugin(text: str) -> str:
    """Return the name of the plugin in ``timm:resnet18``."""
    return text.partition(":")[0]
