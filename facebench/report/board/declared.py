"""What plugins declare of the method and the task of a result that does not store it.

Results of earlier versions have neither names of classes nor addresses of the method's paper. A
plugin is asked only if it has the name and the title that the result has: another group can have
given the name to something else.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from facebench.errors import FacebenchError
from facebench.registry import PluginKind, Registry
from facebench.request.descriptions import declared
from facebench.results.record import Record

_ADDRESSES = ("paper_url", "code_url")


class Declared:
    """Asks each plugin once, without importing it."""

    def __init__(self) -> None:
        self._registry = Registry()
        self._said = cache(self._of)

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

    def classes(self, record: Record) -> tuple[str, ...]:
        """Return the names of the classes in label order; empty where they are unknown."""
        task = record.task
        if task.classes is not None:
            return task.classes
        said = self._said("task", task.name)
        if (said.get("title"), said.get("version")) != (task.title, task.version):
            return ()
        return tuple(map(str, said.get("classes", ())))

    def _of(self, kind: PluginKind, name: str) -> dict[str, Any]:
        try:
            return declared(self._registry.find(kind, name))
        except FacebenchError:  # it is not installed here, or twice
            return {}
