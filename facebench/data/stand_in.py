"""Stand-ins: rendered faces in the layout of a dataset, each made once, below ``cache/synthetic``.

======================= ==========================================================================
``TASK-vN-HASH``        all images; the hash is of what they are made from
``TASK-vN-HASH-limitN`` the same files, of which those that ``--limit N`` keeps are rendered and
                        the others are empty; made where there are not all images yet
======================= ==========================================================================

The file ``synthetic.json`` in each says what it was made from.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from facebench import synth
from facebench.data.limit import keep_some
from facebench.data.manifest import read_tables
from facebench.progress import LateBars, Progress, increments
from facebench.runtime.atomic import make_once
from facebench.synth.marker import GENERATOR_VERSION, MARKER
from facebench.synth.orders import Order, Orders, noted_orders, untouched
from facebench.task import Task

_log = logging.getLogger(__name__)


def population(name: str) -> int:
    """Return the seed of a stand-in's persons; stand-ins of two tasks share no person."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def stand_in(
    task: Task, cache: Path, *, scale: float = 1.0, limit: int = 0, progress: Progress
) -> Path:
    """Return the folder of a task's stand-in, rendered unless it exists.

    Args:
        task: The task.
        cache: Folder in which it is made.
        scale: Factor on the number of images.
        limit: Render only the images that this limit keeps, unless all are there; 0: render all.
        progress: Progress reporter.

    Raises:
        DataError: The task has no stand-in.
    """
    info = task.info
    key = hashlib.sha256(_text(_made_from(task, scale)).encode()).hexdigest()[:12]
    whole = cache / "synthetic" / f"{info.name}-v{info.version}-{key}"
    if limit and not whole.is_dir():
        part = whole.with_name(f"{whole.name}-limit{limit}")
        if _written_in_part(task, part, whole, scale=scale, limit=limit, progress=progress):
            return part
    write_stand_in(task, whole, scale=scale, progress=progress)
    return whole


def write_stand_in(task: Task, target: Path, *, scale: float, progress: Progress) -> None:
    """Render a task's stand-in, unless ``target`` is there; it appears only when complete.

    Args:
        task: The task, which determines layout and population.
        target: Folder to create; the same task and scale always give the same files.
        scale: Factor on the number of images.
        progress: Progress reporter.

    Raises:
        DataError: The task has no stand-in.
    """

    def render(folder: Path) -> None:
        _log.info("%s: rendering synthetic faces into %s", task.info.title, target)
        task.synthesise(folder, synth.FaceSampler(population(task.info.name)), progress, scale)
        _mark(folder, _made_from(task, scale))

    make_once(target, render)


def rendered_limit(root: Path) -> int:
    """Return the limit that a stand-in was rendered for; 0 if it has all images, or is none."""
    try:
        marker = json.loads((root / MARKER).read_text(encoding="utf-8"))
        return int(marker.get("limit", 0))
    except (OSError, ValueError, AttributeError, TypeError):
        return 0


def lacks_faces(root: Path, paths: Iterable[str]) -> bool:
    """Return whether some images of a stand-in were not rendered, since its limit left them out.

    Args:
        root: Folder of a dataset.
        paths: Images of it.
    """
    return rendered_limit(root) > 0 and not all(map(_filled, (root / path for path in paths)))


def _filled(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


class _NotInPart(Exception):
    """Some images of a stand-in cannot be rendered alone; the message says why."""


def _written_in_part(
    task: Task, part: Path, whole: Path, *, scale: float, limit: int, progress: Progress
) -> bool:
    """Render what a limit keeps, unless it is there; return False if all must be rendered."""

    def render(folder: Path) -> None:
        orders = _ordered(task, folder, scale, progress)
        if not orders:  # made otherwise, and complete
            _mark(folder, _made_from(task, scale))
            make_once(whole, partial(_move, folder))
            raise _NotInPart("it does not consist of rendered faces")
        wanted = _wanted(task, folder, orders, limit)
        _log.info(
            "%s: rendering %d of %d synthetic faces into %s",
            task.info.title, len(wanted), len(orders), part,
        )  # fmt: skip
        with progress.bar("render", len(wanted), "face") as advance:
            synth.write_orders(wanted, progress=increments(advance))
        _mark(folder, {**_made_from(task, scale), "limit": limit})

    try:
        make_once(part, render)
    except _NotInPart as why:
        _log.info("%s: rendering the whole stand-in: %s", task.info.title, why)
        return False
    return True


def _ordered(task: Task, folder: Path, scale: float, progress: Progress) -> Orders:
    """Write a stand-in with empty files in the place of images, and return those."""
    with noted_orders() as orders:
        try:
            sampler = synth.FaceSampler(population(task.info.name))
            task.synthesise(folder, sampler, LateBars(progress), scale)
        except Exception as error:  # it may read an image again; if not, it is raised once more
            raise _NotInPart(f"{type(error).__name__}: {error}") from error
    return orders


def _wanted(task: Task, folder: Path, orders: Orders, limit: int) -> list[Order]:
    """Return the orders of the images that a limit keeps.

    Raises:
        _NotInPart: It keeps all; or the task looks at images, or made others of them, so that
            what it wrote would differ once they are rendered.
    """
    try:
        table, pairs = read_tables(task, folder)
        kept = keep_some(table, pairs, limit)
    except Exception as error:  # as above
        raise _NotInPart(f"{type(error).__name__}: {error}") from error
    if kept is None:
        raise _NotInPart("all images are kept")
    if not all(map(untouched, orders.values())):
        raise _NotInPart("its files were changed after they were written")
    makes = {file: order for order in orders.values() for file in order.files()}
    files = [folder / path for path in table["path"][kept.rows]]
    if not makes.keys() >= set(files):
        raise _NotInPart("some images were made of others")
    return list({makes[file].path: makes[file] for file in files}.values())


def _move(source: Path, target: Path) -> None:
    for path in source.iterdir():
        path.rename(target / path.name)


def _mark(folder: Path, made_from: dict[str, Any]) -> None:
    (folder / MARKER).write_text(f"{_text(made_from)}\n", encoding="utf-8")


def _text(made_from: dict[str, Any]) -> str:
    return json.dumps(made_from, sort_keys=True, indent=2)


def _made_from(task: Task, scale: float) -> dict[str, Any]:
    """Return everything that the content of a stand-in depends on."""
    made_from = {
        "format_version": 1,
        "generator": "facebench.synth",
        "generator_version": GENERATOR_VERSION,
        "seed": population(task.info.name),
        "task": task.info.name,
        "task_version": task.info.version,
        "scale": scale,
    }
    if task.info.stand_in_version > 1:  # folders rendered before there was a version stay valid
        made_from["stand_in_version"] = task.info.stand_in_version
    return made_from
