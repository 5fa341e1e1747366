"""Critical-difference diagram: mean ranks of methods over tasks (Demšar, JMLR 7, 2006, Fig. 1).

The ranks, Friedman's test and Nemenyi's critical difference are those of the leaderboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from facebench.errors import DataError
from facebench.report.board.model import Board, MeanRanks
from facebench.report.figures.drawing import SYNTHETIC, Drawing
from facebench.report.figures.style import shared_legend, small

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ALPHA = 0.05
_ROUGH = 10  # tasks up to which the chi-squared distribution is a rough one (Demšar, p. 11)
_ROW, _FRAME = 0.24, 1.3  # inches of a method or a bar, and of what is around them
_NARROW, _BROAD = 30, 60  # characters of a name


def critical_diagram(boards: Sequence[Board]) -> Drawing:
    """Return mean ranks by validated scores; bars join methods that cannot be told apart.

    Of real and of rendered faces those are shown that can be compared, real ones first.

    Args:
        boards: Those of a leaderboard.

    Raises:
        DataError: There are too few methods or tasks; the message says how many are needed.
    """
    reasons = []
    for board in boards:
        reason = _lacking(board)
        if reason is None:
            return _diagram(board, board.ranks["honest"])
        reasons.append(reason)
    raise DataError(
        f"figure critical: {'; '.join(reasons) or 'found no result'}. Evaluate more methods on the "
        "same tasks, at one budget."
    )


def _lacking(board: Board) -> str | None:
    """Return what a board lacks to tell methods apart by their ranks."""
    found = board.ranks["honest"]
    of = SYNTHETIC if board.synthetic else "real data"
    if not found.rows:
        return (
            f"{of}: found no three methods at one budget that were all evaluated on the same two "
            "or more tasks; expected them"
        )
    if len(found.columns) < found.needed:
        return (
            f"{of}: found {len(found.columns)} tasks that all {len(found.rows)} methods were "
            f"evaluated on; expected {found.needed} or more, since with fewer no order of methods "
            f"is significant at {_ALPHA:g}"
        )
    return None


def _diagram(board: Board, found: MeanRanks) -> Drawing:
    rows = {row.id: row for row in board.rows}
    columns = {column.id: column.title for column in board.columns}
    names = [f"{rows[key].method} {rows[key].feature}" for key in found.rows]
    groups = cliques(found)
    differ = "differ" if _tells(found) else "cannot be told apart"
    few = f"; p is rough for {_ROUGH} tasks or fewer" if len(found.columns) <= _ROUGH else ""
    lines = [
        f"mean ranks over {', '.join(columns[key] for key in found.columns)}"
        + (f", {SYNTHETIC}" if board.synthetic else ""),
        f"{len(names)} methods {differ} (Friedman: p {found.p:.2g}{few}); "
        f"critical difference {found.distance:.2f} (Nemenyi, {_ALPHA:g})",
    ]
    if board.budget:
        lines.append(f"runs at {board.budget}, and baselines")

    def paint(figure: Figure) -> None:
        _paint(figure.subplots(), names, found, groups)

    high = _FRAME + _ROW * (len(names) + len(groups))
    return Drawing(
        "\n".join(lines), (7.4, high + 0.3), paint, synthetic=board.synthetic, column_height=high
    )


def cliques(found: MeanRanks) -> tuple[tuple[int, int], ...]:
    """Return first and last place of methods that cannot be told apart.

    Where Friedman's test finds no difference, no two methods are told apart.
    """
    return found.groups if _tells(found) else ((0, len(found.rows) - 1),)


def _tells(found: MeanRanks) -> bool:
    return found.p is not None and found.p < _ALPHA


def _paint(
    axes: Axes, names: Sequence[str], found: MeanRanks, groups: Sequence[tuple[int, int]]
) -> None:
    """Paint the best rank on the left; each method has a line of its own."""
    distance, count = found.distance or 0.0, len(names)
    for place, rank in enumerate(found.means):
        axes.plot([rank, rank], [-1, place], color="0.75", linewidth=0.7, zorder=1)
        axes.plot([rank], [place], "o", color="C0", zorder=3)
    for place, (first, last) in enumerate(groups):
        level = count + 0.1 + 0.8 * place
        label = "cannot be told apart" if place == 0 else None
        axes.plot([found.means[first], found.means[last]], [level, level], color="0.2",
                  linewidth=3, solid_capstyle="butt", label=label)  # fmt: skip
    axes.plot([1, 1 + distance], [-1.6, -1.6], color="C1", linewidth=2, marker="|",
              label=f"critical difference {distance:.2f}")  # fmt: skip
    width = _NARROW if small(axes.figure) else _BROAD
    labels = ["\n".join(wrap(f"{name}  {rank:.2f}", width))
              for name, rank in zip(names, found.means, strict=True)]  # fmt: skip
    axes.set_yticks(range(count), labels)
    axes.set_ylim(count + 0.8 * len(groups) + 0.2, -2.2)
    axes.set_xlim(0.8, max(count, 1 + distance) + 0.2)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("mean rank (1 is the best)")
    axes.tick_params(axis="y", length=0)
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    shared_legend(axes.figure, [axes])
