"""What commands share: options that several take, and how a mistake of the user ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from facebench.errors import FacebenchError

Plugins = Annotated[
    Optional[list[Path]],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option(
        "--plugin", help="A Python file with a method, task or backbone; may be repeated."
    ),
]
Data = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(envvar="FACEBENCH_DATA", help="Folder of the real datasets."),
]
Cache = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(envvar="FACEBENCH_CACHE", help="Where stages are kept."),
]
Backbone = Annotated[str, typer.Option(help="facecycle16, or timm:NAME.")]
PretrainData = Annotated[
    str, typer.Option(help="voxceleb, a task's name, a folder, images:FOLDER, video:FOLDER.")
]
Preset = Annotated[str, typer.Option(help="quick (minutes on a CPU) or paper.")]
Set = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--set", help="GROUP.KEY=VALUE, e.g. pcl.temperature=0.07; may be repeated."),
]
Seeds = Annotated[str, typer.Option(help="Comma-separated; one run for each.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")]
Precision = Annotated[str, typer.Option(help="auto, 32 or bf16.")]
Results = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="Where results are written [default: results/runs]."),
]
Limit = Annotated[int, typer.Option(help="Use so many items of each split; 0 is all.")]
Floors = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option(help="Judge the untrained backbone beside the methods [default: yes]."),
]
SkipBroken = Annotated[bool, typer.Option(help="Record unreadable images and go on.")]
DedupTest = Annotated[
    bool,
    typer.Option("--dedup-test", help="Also score without test images that training has, too."),
]
Force = Annotated[bool, typer.Option(help="Judge again and overwrite the results.")]
DryRun = Annotated[
    bool,
    typer.Option(help="Show stages, and of 'run' each option's value and origin; run nothing."),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell more.")]
Weights = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--checkpoint", help="Judge these weights: a checkpoint's folder, or the authors' own file."
    ),
]


def mendable(command: Callable[..., None]) -> Callable[..., None]:
    """Print a :class:`FacebenchError` as one line and exit 2; any other error is a bug."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except FacebenchError as error:
            from facebench.runtime.terminal import fail

            fail(str(error))
        except KeyboardInterrupt:
            raise SystemExit(130) from None

    return guarded
