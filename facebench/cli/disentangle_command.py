"""What ``facebench disentangle`` does: resolve what was asked for, measure, print, write, draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facebench.config.options import Override, parse_set
from facebench.disentangle.disentanglement import TASK, disentangle, factor_registry
from facebench.disentangle.report import (
    check_out,
    disentanglement_table,
    write_disentanglement,
)
from facebench.errors import SpecError
from facebench.registry import Registry
from facebench.report.figures.drawing import check_target
from facebench.report.figures.heat_map import draw_heat_map
from facebench.request.arguments import show_import
from facebench.request.handed_in import open_given
from facebench.request.resolve import Request
from facebench.runtime.device import resolve_device, resolve_precision
from facebench.runtime.terminal import TerminalProgress, log_to_terminal, out
from facebench.runtime.workspace import Workspace, default_cache


@dataclass(frozen=True, kw_only=True)
class DisentangleArguments:
    """The command line of ``facebench disentangle``, where an empty text means not given.

    Args:
        method: Names, comma-separated.
        checkpoint: Of the one method, instead of learning one.
        backbone: By default ``facecycle16``, or the checkpoint's.
        pretrain_data: What is learned from.
        preset: ``quick`` or ``paper``.
        settings: The ``--set`` items.
        seed: By default 0, or the checkpoint's.
        device: Where to compute.
        precision: ``auto``, ``32`` or ``bf16``.
        data: Folder of real datasets, for pretraining.
        cache: Folder of the stages; None is the default one.
        floors: Measure the untrained backbone, too.
        heatmap: Where to draw.
        out: Where to write.
        plugins: Single-file plugins.
        verbose: Tell more.
    """

    method: str
    checkpoint: Path | None
    backbone: str
    pretrain_data: str
    preset: str
    settings: list[str]
    seed: int | None
    device: str
    precision: str
    data: Path | None
    cache: Path | None
    floors: bool
    heatmap: Path | None
    out: Path | None
    plugins: tuple[Path, ...]
    verbose: bool


def disentangle_command(arguments: DisentangleArguments) -> None:
    """Measure, print the table, and write what was asked for.

    Raises:
        FacebenchError: Something that the user can mend.
    """
    log_to_terminal(arguments.verbose)
    if arguments.heatmap:
        check_target(arguments.heatmap)
    if arguments.out:
        check_out(arguments.out)
    registry = factor_registry(arguments.plugins)
    workspace = Workspace(
        cache=arguments.cache or default_cache(),
        results=Path("results/runs"),  # none is written
        data=arguments.data,
        device=resolve_device(arguments.device),
        progress=TerminalProgress(),
    )
    request = _request(arguments, workspace, registry)
    show_import(request)
    found = disentangle(request, workspace, registry)
    out.print(disentanglement_table(found.record))
    if arguments.out:
        write_disentanglement(arguments.out, found.record, found.predictions)
        out.print(str(arguments.out), soft_wrap=True)
    if arguments.heatmap:
        draw_heat_map(arguments.heatmap, found.record)
        out.print(str(arguments.heatmap), soft_wrap=True)


def _request(arguments: DisentangleArguments, workspace: Workspace, registry: Registry) -> Request:
    overrides = parse_set(arguments.settings)
    if arguments.pretrain_data:
        overrides["pretrain.data"] = Override(arguments.pretrain_data, "--pretrain-data")
    names = (name.strip() for name in arguments.method.split(","))
    methods = tuple(dict.fromkeys(name for name in names if name))
    if not methods:
        raise SpecError(
            "nothing to measure: no method given. Give --method NAME[,NAME...]; "
            f"known: {', '.join(registry.names('method'))}."
        )
    given = None
    if arguments.checkpoint:
        given = open_given(
            arguments.checkpoint, methods[0], arguments.backbone, registry, workspace.cache
        )
    seed = given.record["spec"]["seed"] if given else 0
    return Request(
        methods=methods,
        tasks=(TASK,),
        overrides=overrides,
        backbone=arguments.backbone or "facecycle16",
        preset=arguments.preset,
        seeds=(seed if arguments.seed is None else arguments.seed,),
        precision=resolve_precision(arguments.precision, workspace.device),
        floors=arguments.floors,
        checkpoint=given,
    )
