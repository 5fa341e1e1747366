"""What plugins declare of the method and the task of a result that does not store it.

Results of earlier versions have neither names of classes nor addresses of the method's paper, and
commands of today do not repeat them exactly. A plugin is asked only if it has the name and the
title that the result has: another group can have given the name to something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from facebench.errors import FacebenchError
from facebench.protocol import find_protocol
from facebench.registry import PluginKind, Registry
from facebench.request.descriptions import declared, option_names
from facebench.results.record import Record

_ADDRESSES = ("paper_url", "code_url")


class Declared:
    """Asks each plugin once, without importing it."""

    def __init__(self) -> None:
        self._registry = Registry()
        self._said = cache(self._of)
        self._option_names = cache(self._options)

    def addresses(self, record: Record) -> tuple[str, str]:
        """Return the addresses of the method's paper and of its code; empty where unknown."""
        method = record.method
        if method.paper_url or method.code_url:
            return method.paper_url or "", method.code_url or ""
        said = self._said("method", method.name)
        if said.get("title") != method.title:
            return "", ""
        paper, code = (said.get(name, "") for name in _ADDRESSES)
        return str(paper), str(code)

    def own_backbone(self, record: Record) -> bool:
        """Return whether the method brings its backbone; then no command names one."""
        said = self._said("method", record.method.name)
        return said.get("title") == record.method.title and said.get("backbone") is False

    def classes(self, record: Record) -> tuple[str, ...]:
        """Return the names of the classes in label order; empty where they are unknown."""
        task = record.task
        if task.classes is not None:
            return task.classes
        said = self._said("task", task.name)
        if (said.get("title"), said.get("version")) != (task.title, task.version):
            return ()
        return tuple(map(str, said.get("classes", ())))

    def later(self, record: Record) -> tuple[str, ...]:
        """Return what is another version here than where the result was written, in words.

        Options that a result does not state came later: ``the option DISFA.subjects came later``.
        """
        spec, task = record.spec, record.task
        versions = [
            *self._version(
                "method", record.method.name, record.method.title, record.method.version
            ),
            *self._version("task", task.name, task.title, task.version),
        ]
        name, version = task.protocol
        protocol = find_protocol(name)
        if protocol is not None and protocol.version != version:
            versions.append(f"the protocol {name} was version {version} and is {protocol.version}")
        groups: tuple[tuple[PluginKind, str, str, Mapping[str, Any]], ...] = (
            ("method", record.method.name, record.method.title, spec.method_options),
            ("task", task.name, task.title, spec.task_options),
        )
        added = [
            f"{name}.{option}"
            for kind, name, title, stated in groups
            for option in sorted(self._option_names(kind, name, title) - set(stated))
        ]
        came = f"the option{'s' * (len(added) > 1)} {', '.join(added)} came later"
        return (*versions, *([came] if added else []))

    def _version(self, kind: PluginKind, name: str, title: str, version: int) -> Iterator[str]:
        said = self._said(kind, name)
        if said.get("title") == title and said.get("version", version) != version:
            yield f"{title} was version {version} and is {said['version']}"

    def _options(self, kind: PluginKind, name: str, title: str) -> frozenset[str]:
        """Return the names of a plugin's options; none where they are unknown."""
        if self._said(kind, name).get("title") != title:
            return frozenset()
        return option_names(self._registry.find(kind, name)) or frozenset()

    def _of(self, kind: PluginKind, name: str) -> dict[str, Any]:
        try:
            return declared(self._registry.find(kind, name))
        except FacebenchError:  # it is not installed here, or twice
            return {}
