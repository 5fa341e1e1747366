"""Finds plugins: entry points of installed distributions, and files given with ``--plugin``.

Entry points are metadata, so listing imports neither torch nor a plugin. Loading imports one
plugin and checks that it is of its kind. The same name twice is an error that names both owners,
raised only when that name is requested, so that two clashing plugins do not affect the others.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from facebench.errors import PluginError, SpecError, UnknownNameError
from facebench.installed import registered
from facebench.runtime.python_source import exit_is_an_error, run_source

PluginKind = Literal["method", "task", "backbone"]

# kind -> (module, name) of the contract; imported only when a plugin is loaded.
CONTRACTS: dict[str, tuple[str, str]] = {
    "method": ("facebench.method", "Method"),
    "task": ("facebench.task", "Task"),
    "backbone": ("facebench.backbones", "Backbone"),
}


@dataclass(frozen=True)
class Plugin:
    """One registered name.

    Args:
        kind: Kind of plugin.
        name: Name of the plugin.
        target: ``module:attribute``, or path of the file.
        owner: Distribution and version, ``file``, or who added it with :meth:`Registry.add`.
        digest: SHA-256 of a file plugin's source; empty for installed plugins, which are
            identified by their declared version.
    """

    kind: PluginKind
    name: str
    target: str
    owner: str
    digest: str = ""


@dataclass(frozen=True)
class Loaded:
    """A plugin with its class."""

    plugin: Plugin
    cls: type[Any]


class Registry:
    """All plugins that this process can see.

    Args:
        files: Single-file plugins (``--plugin my_method.py``), imported at once.

    Raises:
        PluginError: A file cannot be imported or holds no plugin.
    """

    def __init__(self, files: tuple[Path, ...] = ()) -> None:
        self._plugins: dict[tuple[PluginKind, str], list[Plugin]] = defaultdict(list)
        self._classes: dict[str, type[Any]] = {}
        for kind in CONTRACTS:
            self._add_entry_points(kind)  # type: ignore[arg-type]
        for file in files:
            self._add_file(file)

    def plugins(self, kind: PluginKind) -> list[Plugin]:
        """Return every plugin of ``kind``, by name; a name with two owners appears twice."""
        found = [
            plugin for (k, _), owners in self._plugins.items() if k == kind for plugin in owners
        ]
        return sorted(found, key=lambda plugin: (plugin.name, plugin.owner))

    def add(self, kind: PluginKind, cls: type[Any], owner: str) -> None:
        """Register a class that lives in this process alone.

        Args:
            kind: Kind of plugin.
            cls: Its ``info.name`` is the name.
            owner: Name of the distribution or process that adds the class.

        Raises:
            SpecError: The name is taken.
        """
        name = cls.info.name
        if (kind, name) in self._plugins:
            owners = ", ".join(plugin.owner for plugin in self._plugins[kind, name])
            raise SpecError(f"{kind} '{name}' is there already, of {owners}. Choose another name.")
        target = f"{owner}:{name}"
        self._plugins[kind, name].append(Plugin(kind, name, target, owner))
        self._classes[target] = cls

    def names(self, kind: PluginKind) -> list[str]:
        """Return the distinct names of ``kind``, sorted."""
        return sorted({plugin.name for plugin in self.plugins(kind)})

    def find(self, kind: PluginKind, name: str) -> Plugin:
        """Return the one plugin called ``name``.

        Raises:
            UnknownNameError: No plugin has that name.
            PluginError: Several distributions register that name.
        """
        owners = self._plugins.get((kind, name), [])
        if not owners:
            raise UnknownNameError(kind, name, self.names(kind))
        if len(owners) > 1:
            listed = " and ".join(f"{plugin.owner} ({plugin.target})" for plugin in owners)
            raise PluginError(
                f"{kind} '{name}' is registered by {listed}; one name has one owner. "
                "Uninstall or rename one of them."
            )
        return owners[0]

    def load(self, kind: PluginKind, name: str) -> type[Any]:
        """Import and return the class behind ``name``.

        Raises:
            UnknownNameError: No plugin has that name.
            PluginError: It cannot be imported or is not of its kind; names the distribution.
        """
        plugin = self.find(kind, name)
        if plugin.target in self._classes:
            return self._classes[plugin.target]
        module_name, _, attribute = plugin.target.partition(":")
        try:
            with exit_is_an_error():
                loaded = getattr(importlib.import_module(module_name), attribute)
        except Exception as error:
            raise PluginError(
                f"{kind} '{name}' of {plugin.owner} cannot be imported from {plugin.target}: "
                f"{type(error).__name__}: {error}. Repair or uninstall that distribution."
            ) from error
        if not (inspect.isclass(loaded) and issubclass(loaded, _contract(kind))):
            raise PluginError(
                f"{kind} '{name}' of {plugin.owner}: {plugin.target} is {loaded!r}; a subclass of "
                f"{':'.join(CONTRACTS[kind])} was expected. Point the entry point at the class."
            )
        declared = getattr(getattr(loaded, "info", None), "name", name)
        if declared != name:
            raise PluginError(
                f"{kind} '{name}' of {plugin.owner} calls itself '{declared}' in its info; entry "
                "point and info.name must agree. Rename one of them."
            )
        return loaded

    def load_all(
        self,
        names: Mapping[PluginKind, Iterable[str]],
        *,
        if_known: Mapping[PluginKind, Iterable[str]] | None = None,
        all_of: PluginKind | None = None,
    ) -> dict[tuple[PluginKind, str], Loaded]:
        """Import several plugins at once, so that a caller asks the registry only once.

        Args:
            names: Names that are needed, by kind.
            if_known: Names that may be something else, by kind; those that are known are loaded.
            all_of: A kind of which every plugin is loaded as well; one that cannot be loaded and
                was not asked for is left out.

        Returns:
            By kind and name, in the order of ``names``.

        Raises:
            UnknownNameError: One of ``names`` is not registered.
            PluginError: One that is asked for cannot be imported or is not of its kind.
        """
        wanted = [(kind, name) for kind, several in names.items() for name in several]
        for kind, several in (if_known or {}).items():
            wanted += [(kind, name) for name in several if (kind, name) in self._plugins]
        found = {key: Loaded(self.find(*key), self.load(*key)) for key in wanted}
        if all_of is not None:
            for name in self.names(all_of):
                try:
                    found.setdefault(
                        (all_of, name), Loaded(self.find(all_of, name), self.load(all_of, name))
                    )
                except PluginError:  # a plugin of another package; it is not asked for
                    continue
        return found

    def backbone(self, text: str) -> Any:
        """Build the backbone that ``text`` names: ``facecycle16`` or ``timm:resnet18``.

        Raises:
            SpecError: An argument is missing or not wanted.
        """
        return build_backbone(self.load("backbone", text.partition(":")[0]), text)

    def _add_entry_points(self, kind: PluginKind) -> None:
        for point in registered(f"facebench.{kind}s"):
            plugin = Plugin(kind, point.name, point.value, point.owner)
            if plugin not in self._plugins[kind, point.name]:  # two metadata copies of one install
                self._plugins[kind, point.name].append(plugin)

    def _add_file(self, file: Path) -> None:
        module = _import_file(file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        added = 0
        for kind in CONTRACTS:
            for cls in _own_subclasses(module, _contract(kind)):
                name = cls.info.name if hasattr(cls, "info") else cls.__name__.lower()
                target = f"{file}:{cls.__name__}"
                self._plugins[kind, name].append(  # type: ignore[index]
                    Plugin(kind, name, target, "file", digest)  # type: ignore[arg-type]
                )
                self._classes[target] = cls
                added += 1
        if not added:
            raise PluginError(
                f"--plugin {file}: holds no plugin; expected a subclass of "
                "facebench.method.Method, facebench.task.Task or "
                "facebench.backbones.Backbone with an info."
            )


def build_backbone(cls: type[Any], text: str) -> Any:
    """Build a backbone.

    Args:
        cls: Its class.
        text: As ``--backbone`` names it: ``facecycle16`` or ``timm:resnet18``.

    Raises:
        SpecError: An argument is missing or not wanted.
    """
    name, _, argument = text.partition(":")
    wants = [p for p in inspect.signature(cls).parameters.values() if p.default is p.empty]
    if bool(wants) != bool(argument):
        form = f"{name}:{wants[0].name.upper()}" if wants else name
        raise SpecError(f"backbone '{text}' has the wrong form; write '{form}'.")
    return cls(argument) if argument else cls()


def _contract(kind: str) -> type[Any]:
    module, name = CONTRACTS[kind]
    contract: type[Any] = getattr(importlib.import_module(module), name)
    return contract


def _own_subclasses(module: ModuleType, contract: type[Any]) -> list[type[Any]]:
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    return [
        cls
        for cls in classes
        if issubclass(cls, contract)
        and cls.__module__ == module.__name__
        and not inspect.isabstract(cls)
    ]


def _import_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise PluginError(f"--plugin {file}: no such file; give the path of a Python file.")
    try:
        module = run_source(_module_name(file), file)
    except Exception as error:
        raise PluginError(
            f"--plugin {file}: {type(error).__name__}: {error}. Correct the file."
        ) from error
    if module is None:
        raise PluginError(f"--plugin {file}: not a Python file; its name must end in .py.")
    return module


def _module_name(file: Path) -> str:
    """Return a name of no other file, which is the same in a process that is given the same path.

    Options of its methods are pickled for processes, which look a class up by the module's name.
    """
    of_path = hashlib.sha256(os.fsencode(file)).hexdigest()[:12]
    word = re.sub(r"\W", "_", file.stem)
    return f"facebench_file_plugin_{word}_{of_path}"
