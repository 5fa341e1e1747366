"""Common code of all figures: one style, and the same bytes for the same data.

A figure is a function that draws on an empty ``Figure``; :func:`draw` creates and saves it.
pyplot and its global state are not used.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from facebench.errors import FacebenchError, SpecError
from facebench.runtime.atomic import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150  # of a PNG

# Date and program in the metadata would make two equal figures differ.
_METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
}


def check_target(path: Path) -> None:
    """Check the name of a figure's file before anything is computed.

    Raises:
        SpecError: It does not end in ``.png`` or ``.svg``.
    """
    if path.suffix.lower() not in _METADATA:
        raise SpecError(
            f"a figure's file: found {path}; expected a name that ends in "
            f"{' or '.join(_METADATA)}. Rename it."
        )


def draw(path: Path, size: tuple[float, float], paint: Callable[[Figure], None]) -> None:
    """Paint a figure and write it.

    Args:
        path: ``.png`` or ``.svg``; replaced if it exists.
        size: Width and height in inches.
        paint: Fills the empty figure.

    Raises:
        SpecError: See :func:`check_target`, or the file cannot be written.
        FacebenchError: matplotlib is not installed.
    """
    check_target(path)
    try:
        import matplotlib.style
        from matplotlib.figure import Figure
    except ImportError as error:
        raise FacebenchError(
            "drawing a figure needs the package matplotlib: it is not installed; "
            "install facebench[report]."
        ) from error
    kind = path.suffix.lower()
    # Independent of the user's matplotlibrc, so that figures are the same everywhere.
    with matplotlib.style.context(["default", {"svg.hashsalt": "facebench"}]):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        try:
            with atomic_file(path) as temporary:
                figure.savefig(temporary, format=kind[1:], dpi=DPI, metadata=_METADATA[kind])
        except OSError as error:
            raise SpecError(f"{path}: cannot be written: {error}. Give another name.") from error
