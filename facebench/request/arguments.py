"""Arguments of a command line and configuration file: workspace and request."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Interval

from facebench.config.options import CONFIG_KEYS, Override, Overrides, parse_value, read_config
from facebench.config.yaml_file import check_word
from facebench.errors import SpecError, UnknownNameError
from facebench.progress import Progress, Silent
from facebench.protocol import table_protocol
from facebench.ranges import CountOrAll, Seed, check_value
from facebench.registry import PluginKind, Registry
from facebench.request.handed_in import open_given
from facebench.request.resolve import Request
from facebench.runtime.device import resolve_device, resolve_precision
from facebench.runtime.launch import rank_of
from facebench.runtime.listing import user_path
from facebench.runtime.terminal import TerminalProgress, err
from facebench.runtime.workspace import Workspace, check_folder, default_cache, default_data
from facebench.weights.checkpoint import Checkpoint
from facebench.weights.summary import import_summary

if TYPE_CHECKING:
    import torch

    from facebench.runtime.mirror import Mirror

_log = logging.getLogger(__name__)

_Machines = Annotated[int, Interval(ge=1, le=4096)]


@dataclass(frozen=True, kw_only=True)
class RunArguments:
    """Arguments of ``facebench run`` and ``facebench.run``.

    Args:
        flags: Flags that a configuration file may contain, too; empty or None if not given.
        settings: Options; they override those of the file.
        config: The configuration file.
        cache: Folder of the stages; None is the default one.
        devices: Devices to pretrain on.
        nodes: Machines to pretrain on.
        force: Evaluate again.
        verify_cache: Read every byte of the stages that are used.
        cache_mirror: URL of copies of stages and results; empty: there are none.
        plugins: Single-file plugins.
        progress: Progress reporter; None: bars, where they can be drawn.
    """

    flags: dict[str, Any]
    settings: Overrides = field(default_factory=dict)
    config: Path | None = None
    cache: Path | None = None
    devices: int = 1
    nodes: int = 1
    force: bool = False
    verify_cache: bool = False
    cache_mirror: str = ""
    plugins: tuple[Path, ...] = ()
    progress: Progress | None = None

    def __post_init__(self) -> None:
        """Refuse a flag that nothing would read.

        Raises:
            UnknownNameError: There is none of this name.
        """
        for name in self.flags:
            if name not in CONFIG_KEYS:
                raise UnknownNameError("flag", name, CONFIG_KEYS)

    def given(self) -> dict[str, Any]:
        """Return the flags that were given."""
        return {name: value for name, value in self.flags.items() if value not in (None, "")}

    def merged(self) -> tuple[dict[str, Any], Overrides]:
        """Return run-wide keys and options: those of the file, overridden by the arguments.

        Raises:
            SpecError: The file is missing, is not YAML, or is not of that shape.
        """
        top, overrides = read_config(self.config) if self.config else ({}, {})
        return {**top, **self.given()}, {**overrides, **self.settings}


def open_workspace(top: dict[str, Any], arguments: RunArguments, *, here: bool = True) -> Workspace:
    """Return folders, device and progress reporter.

    Args:
        top: Flags that a configuration file may contain, too.
        arguments: The rest of the command line.
        here: Whether this machine computes, and so must have the device.

    Raises:
        SpecError: There is no such device, or not so many, or ``synthetic`` is another word.
    """
    check_value(arguments.devices, _Machines, "--devices")
    check_value(arguments.nodes, _Machines, "--nodes")
    cache, results = arguments.cache or default_cache(), Path(top.get("results", "results/runs"))
    check_folder(cache, "--cache")
    check_folder(results, "--results")
    device, rank = _device(top, arguments, here=here), rank_of(arguments.devices, arguments.nodes)
    return Workspace(
        cache=cache,
        results=results,
        data=user_path(str(top["data"])) if "data" in top else default_data(),
        synthetic=_typed(top, "synthetic", "", Literal["missing", "always"]),
        device=device,
        progress=arguments.progress or (Silent() if rank else TerminalProgress()),
        devices=arguments.devices,
        nodes=arguments.nodes,
        rank=rank,
        force=arguments.force,
        verify_cache=arguments.verify_cache,
        mirror=_mirror(arguments.cache_mirror),
    )


def _mirror(url: str) -> Mirror | None:
    if not url:
        return None
    from facebench.runtime.mirror import Mirror  # whose forms take a while to be made

    return Mirror(url)


def _device(top: dict[str, Any], arguments: RunArguments, *, here: bool) -> torch.device:
    """Return the device; one that is named by its number is the only one."""
    device = resolve_device(str(top.get("device", "auto")), here=here)
    if device.index is not None and arguments.devices * arguments.nodes > 1:
        raise SpecError(
            f"--device {device} names one device, and --devices {arguments.devices} with --nodes "
            f"{arguments.nodes} are several; expected --device {device.type}. Which of a machine's "
            "are seen is set by CUDA_VISIBLE_DEVICES."
        )
    return device


def build_request(
    top: dict[str, Any], overrides: Overrides, workspace: Workspace, registry: Registry
) -> Request:
    """Return the typed request; ``facebench.request.resolve.resolve`` makes specs of it.

    Args:
        top: Flags that a configuration file may contain, too.
        overrides: The options.
        workspace: Workspace, whose device determines the precision; imported weights are stored in
            its cache.
        registry: Registry of the plugins.

    Raises:
        FacebenchError: No method or task is given, or something cannot be read or found.
    """
    if "pretrain_data" in top:
        overrides["pretrain.data"] = Override(str(top["pretrain_data"]), "--pretrain-data")
    if "probe" in top:
        overrides["probe.kind"] = Override(str(top["probe"]), "--probe")
    for kind in ("method", "task"):
        if not top.get(kind):
            raise SpecError(
                f"nothing to run: no {kind} given. Give --{kind} NAME[,NAME...]; "
                f"known: {', '.join(registry.names(kind))}."
            )
    data = overrides.get("pretrain.data")
    methods = _names(top["method"], "method", registry, str(data.value) if data else "")
    given = _given(top, methods, workspace, registry)
    return Request(
        methods=methods,
        tasks=_names(top["task"], "task", registry),
        overrides=overrides,
        backbone=str(top.get("backbone", "facecycle16")),
        preset=str(top.get("preset", "quick")),
        seeds=_typed(top, "seeds", _seeds(given), tuple[Seed, ...]),
        precision=resolve_precision(str(top.get("precision", "auto")), workspace.device),
        limit=_typed(top, "limit", 0, CountOrAll),
        skip_broken=_typed(top, "skip_broken", False, bool),
        dedup_test=_typed(top, "dedup_test", False, bool),
        floors=_typed(top, "baselines", True, bool),
        checkpoint=given,
    )


def _given(
    top: dict[str, Any], methods: tuple[str, ...], workspace: Workspace, registry: Registry
) -> Checkpoint | None:
    """Open the checkpoint of ``--checkpoint``, if it was given."""
    prefix = str(top["prefix"]) if top.get("prefix") is not None else None
    if "checkpoint" not in top:
        if prefix is not None:
            raise SpecError(f"--prefix {prefix}: is of the file of --checkpoint. Give that, too.")
        return None
    path = Path(str(top["checkpoint"]))
    if len(methods) != 1:
        raise SpecError(
            f"--checkpoint {path}: found {len(methods)} methods; expected the one that it is of."
        )
    return open_given(
        path, methods[0], str(top.get("backbone", "")), registry, workspace.cache, prefix
    )


def show_import(request: Request) -> None:
    """Print which tensors were imported, if a file of other code was supplied."""
    if request.checkpoint is not None and request.checkpoint.imported is not None:
        err.print(import_summary(request.checkpoint.imported))


def _seeds(given: Checkpoint | None) -> tuple[int, ...]:
    return (0,) if given is None else (int(given.spec["seed"]),)


def _names(
    value: Any, kind: PluginKind, registry: Registry, pretrain_data: str = ""
) -> tuple[str, ...]:
    """Return the names in a comma-separated text or a list, without duplicates.

    ``all`` is all except methods whose weights must be downloaded or supplied, and, where the data
    to learn from are named as single images, except those that need frames of videos, or persons
    where the images are not of pairs of persons.
    """
    check_word(kind, list(value) if isinstance(value, tuple) else value, kind)
    items = value.split(",") if isinstance(value, str) else value
    names = tuple(dict.fromkeys(item.strip() for item in items if item.strip()))
    if names != ("all",):
        return names
    known = tuple(registry.names(kind))
    if kind == "task":
        return known
    infos = {name: registry.load(kind, name).info for name in known}
    taken = {n: info for n, info in infos.items() if info.needs not in ("weights", "file")}
    of_task = pretrain_data in registry.names("task")
    if not of_task and not pretrain_data.startswith("images:"):
        return tuple(taken)
    left = {"frames of videos": [n for n, info in taken.items() if info.needs_videos]}
    persons = of_task and table_protocol(registry.load("task", pretrain_data).info.protocol).paired
    if not persons:
        left["known persons"] = [n for n, info in taken.items() if info.needs == "identities"]
    for what, unfit in left.items():
        if unfit:
            _log.warning(
                "%s has single images; left out of 'all', since they learn from %s: %s",
                pretrain_data, what, ", ".join(unfit),
            )  # fmt: skip
    return tuple(name for name in taken if not any(name in unfit for unfit in left.values()))


def _typed(top: dict[str, Any], key: str, default: Any, hint: Any) -> Any:
    if key not in top:
        return default
    value = top[key]
    given = [value] if key == "seeds" and isinstance(value, int) else value
    return parse_value(Override(given, where=""), hint, key)
