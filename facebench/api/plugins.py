"""Plugins: list, declarations, contract test, and templates for new ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facebench.api.places import paths
from facebench.errors import UnknownNameError
from facebench.registry import CONTRACTS, Plugin, PluginKind, Registry
from facebench.scaffold import write_package
from facebench.task import TaskInfo

if TYPE_CHECKING:
    from facebench.request.option_list import OptionInfo


def list_plugins(kinds: str, *, plugins: Sequence[str | Path] = ()) -> list[Plugin]:
    """Return plugins of one kind, by name, and who provides them: ``facebench list``.

    Args:
        kinds: ``methods``, ``tasks`` or ``backbones``.
        plugins: Python files with a method, task or backbone.

    Raises:
        UnknownNameError: There is no such kind.
    """
    known: dict[str, PluginKind] = {f"{kind}s": kind for kind in CONTRACTS}  # type: ignore[misc]
    if kinds not in known:
        raise UnknownNameError("kind", kinds, known)
    return Registry(paths(plugins)).plugins(known[kinds])


def list_options(name: str, *, plugins: Sequence[str | Path] = ()) -> list[OptionInfo]:
    """Return the options that ``--set`` takes: ``facebench list options NAME``.

    Args:
        name: Name of a method or of a task, or ``pretrain``, ``extract`` or ``probe``.
        plugins: Python files with a method or task.

    Raises:
        UnknownNameError: There is no such method, task or group.
        PluginError: It cannot be loaded.
    """
    from facebench.request.option_list import option_list

    return option_list(name, Registry(paths(plugins)))


def task_info(task: str, *, plugins: Sequence[str | Path] = ()) -> TaskInfo:
    """Return what a task declares of itself and its dataset: ``facebench data info``.

    Args:
        task: Name of the task.
        plugins: Python files with a task.

    Raises:
        UnknownNameError: There is no such task.
        PluginError: It cannot be loaded.
    """
    info: TaskInfo = Registry(paths(plugins)).load("task", task).info
    return info


def check_plugin(name: str, *, plugins: Sequence[str | Path] = ()) -> list[str]:
    """Run the contract test on a method, task or backbone: ``facebench check``.

    Args:
        name: Name of the plugin.
        plugins: Python files with a method, task or backbone.

    Returns:
        One line for each check that passes.

    Raises:
        UnknownNameError: No plugin has that name.
        PluginError: A check fails; the message says what was found and what was expected.
    """
    from facebench.testing.contract import check_plugin as contract_lines

    return list(contract_lines(name, Registry(paths(plugins))))


def new_plugin(kind: str, name: str, *, into: str | Path = ".") -> Path:
    """Write a working plugin package, ready to be installed: ``facebench new``.

    Args:
        kind: ``method`` or ``task``.
        name: Name of the plugin, in lower snake case.
        into: Folder in which the package's own folder is created.

    Returns:
        The package's folder.

    Raises:
        SpecError: The kind is another one, the name is not well-formed or taken, or the folder
            exists.
    """
    return write_package(kind, name, Path(into), Registry())
