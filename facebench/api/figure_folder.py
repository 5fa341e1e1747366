"""Every figure that some results allow, in one folder with an index page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Unpack

from facebench.api.figures_of_images import (
    features_drawing,
    mistakes_drawing,
    neighbours_drawing,
    reconstructions_drawing,
)
from facebench.api.figures_of_several import Several, boards_of, gathered
from facebench.api.stored_run import Places, StoredRun, stored_run
from facebench.errors import DataError, FacebenchError, SpecError, UnknownNameError
from facebench.report.figures.action import action_bars
from facebench.report.figures.competitors import panels
from facebench.report.figures.compute import score_against_compute
from facebench.report.figures.confusion import confusion_matrix
from facebench.report.figures.critical import critical_diagram
from facebench.report.figures.curve import training_curves
from facebench.report.figures.drawing import Drawing, write
from facebench.report.figures.forest import PAGE, forest
from facebench.report.figures.index import Drawn, index_page
from facebench.report.figures.labels import label_curves
from facebench.report.figures.probe import probe_epochs
from facebench.report.figures.ranks import rank_slopes
from facebench.report.figures.roc import det_curves, roc_curves
from facebench.report.figures.style import width_named
from facebench.report.figures.title import figure_title, section_titles
from facebench.report.figures.yaw import errors_by_yaw
from facebench.report.groups import comparable
from facebench.results.saved_method import saved_history
from facebench.results.store import Result
from facebench.runtime.atomic import atomic_write

KINDS = ("svg", "png")


@dataclass(frozen=True)
class FigureFolder:
    """What was drawn into a folder.

    Args:
        index: The index page.
        figures: Everything that was tried: its file, or why there is none.
    """

    index: Path
    figures: tuple[Drawn, ...]


def _confusion(run: StoredRun) -> Drawing:
    record = run.result.record
    classes = run.registry.load("task", record.spec.task).info.classes
    return confusion_matrix(record, classes, "honest")


def _curves(run: StoredRun) -> Drawing:
    return training_curves(saved_history(run.result.path), figure_title(run.result.record))


# Of one result, by the name of the command that draws it alone.
OF_ONE: Mapping[str, Callable[[StoredRun], Drawing]] = {
    "curves": _curves,
    "probe": lambda run: probe_epochs(run.result.record),
    "confusion": _confusion,
    "roc": lambda run: roc_curves([run.result], "honest", log=False),
    "det": lambda run: det_curves([run.result], "honest"),
    "actions": lambda run: action_bars(run.result.record),
    "yaw": lambda run: errors_by_yaw(run.result, "honest"),
    "mistakes": mistakes_drawing,
    "neighbours": neighbours_drawing,
    "features-pca": partial(features_drawing, projection="pca"),
    "features-tsne": partial(features_drawing, projection="tsne"),
    "reconstructions": reconstructions_drawing,
}
# Of all results together.
OF_ALL: Mapping[str, Callable[[Sequence[Result]], Drawing]] = {
    "compute": lambda found: score_against_compute(panels(found, "compute"), "images"),
    "critical": lambda found: critical_diagram(boards_of(found)),
    "ranks": lambda found: rank_slopes(panels(found, "ranks")),
}
# Of all comparable results of one kind together, with the protocol that they are of.
OF_GROUP: Mapping[str, tuple[str, Callable[[Sequence[Result]], Drawing]]] = {
    "roc": ("verification", lambda found: roc_curves(found, "honest", log=True)),
    "det": ("verification", lambda found: det_curves(found, "honest")),
    "labels": ("fewshot", lambda found: label_curves([one.record for one in found])),
}


def draw_all(
    results: Several,
    folder: str | Path,
    *,
    format: str = "svg",
    width: str = "",
    skip: Sequence[str] = (),
    drawn: Callable[[Drawn], None] | None = None,
    **places: Unpack[Places],
) -> FigureFolder:
    """Draw every figure that results allow: ``facebench figure all``.

    Args:
        results: Results, their JSON files, or folders of them.
        folder: Folder to write to; ``index.html`` in it shows all, and says of what was not drawn
            why not.
        format: ``svg`` or ``png``.
        width: ``screen``, or a column of a paper.
        skip: Names of figures that are not to be drawn.
        drawn: Called with each figure as soon as it is written, or could not be drawn.
        **places: See :class:`facebench.api.stored_run.Places`; features and images are
            there.

    Raises:
        UnknownNameError: There is no such format, width or figure.
        StageError: There is no result.
        SpecError: The folder cannot be written.
    """
    if format not in KINDS:
        raise UnknownNameError("format", format, KINDS, where="--format")
    width_named(width)
    for name in skip:
        if name not in (known := {"forest", *OF_ONE, *OF_ALL, *OF_GROUP}):
            raise UnknownNameError("figure", name, known, where="--skip")
    target, tried = Path(folder), list[Drawn]()
    found = gathered(results)
    wanted = [one for one in _figures(found, places, skip) if one[2] not in skip]
    for number, (of, place, name, make) in enumerate(wanted, start=1):
        one = _drawn(target, place.with_suffix(f".{format}"), width, of, name, make)
        tried.append(replace(one, number=number, total=len(wanted)))
        if drawn is not None:
            drawn(tried[-1])
    index = target / "index.html"
    try:
        atomic_write(index, index_page(f"Figures of {len(found)} results", tried))
    except OSError as error:
        raise SpecError(f"{index}: cannot be written: {error}. Give another folder.") from error
    return FigureFolder(index, tuple(tried))


def _figures(
    found: Sequence[Result], places: Places, skip: Sequence[str]
) -> Iterator[tuple[str, Path, str, Callable[[], Drawing]]]:
    """Yield what each figure is of, its place, its name, and how it is drawn."""
    forests = () if "forest" in skip else _forests(found)
    yield from (("", Path(place), "forest", make) for place, make in forests)
    for name, of_all in OF_ALL.items():
        yield "", Path(name), name, partial(of_all, found)
    for name, (protocol, of_group) in OF_GROUP.items():
        wanted = [one for one in found if one.record.task.protocol[0] == protocol]
        for number, group in enumerate(comparable(wanted).values()):
            if len(group) > 1:
                more = f"-{number}" if number else ""
                place = Path(f"{name}-{group[0].record.task.name}{more}")
                yield "", place, name, partial(of_group, group)
    for result, title in zip(found, section_titles(found), strict=True):
        run, place = stored_run(result, **places), Path(result.spec.task, result.path.stem)
        for name, of_one in OF_ONE.items():
            yield title, place / name, name, partial(of_one, run)


def _forests(found: Sequence[Result]) -> Iterator[tuple[str, Callable[[], Drawing]]]:
    """Yield name and drawing of one forest of all tasks, or of each where it exceeds a page."""
    try:
        shown = panels(found, "forest")
    except DataError:
        yield "forest", lambda: forest(panels(found, "forest"))  # which says why
        return
    whole = forest(shown)
    if whole.size[1] <= PAGE or len(shown) == 1:
        yield "forest", lambda: whole
        return
    alike = Counter[str]()
    for panel in shown:
        task = panel.record.task.name
        more = f"-{alike[task]}" if alike[task] else ""
        alike[task] += 1
        yield f"forest-{task}{more}", partial(forest, [panel])


def _drawn(
    folder: Path, place: Path, width: str, of: str, name: str, make: Callable[[], Drawing]
) -> Drawn:
    try:
        drawing = make()
    except FacebenchError as error:
        return Drawn(name, of, None, str(error))
    try:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"{folder}: cannot be written: {error}. Give another folder.") from error
    write(drawing, folder / place, width)
    return Drawn(name, of, place, drawing.caption())
