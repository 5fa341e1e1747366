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


def mendable(command: Callable[..., None]) -> Callable[..., None]:
    """Print a :class:`FacebenchError` as one line and exit 2; any other error is a bug."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except FacebenchError as error:
            from facebench.terminal import fail

            fail(str(error))
        except KeyboardInterrupt:
            raise SystemExit(130) from None

    return guarded
