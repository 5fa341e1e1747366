"""Several processes on one cache: the same result, and nothing computed twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from fault_kinds.world import RUN, Outcome, World

_ROUNDS = 3


def several_processes(world: World) -> Iterator[Outcome]:
    """Two and four processes with the same spec, and with specs that share the checkpoint."""
    for processes in (2, 4):
        for overlapping in (False, True):
            for number in range(_ROUNDS):
                kind = "specs that share a checkpoint" if overlapping else "the same spec"
                yield from _together(world, processes, overlapping, f"{kind}, round {number}")


def _together(world: World, processes: int, overlapping: bool, title: str) -> Iterator[Outcome]:
    folder, log = world.empty(), world.root / "computed"
    log.unlink(missing_ok=True)
    words = [
        (*RUN, "--set", f"probe.epochs={2 + place}") if overlapping else RUN
        for place in range(processes)
    ]
    children = [world.start(folder, *each, before=_noted(log)) for each in words]
    ended = [world.wait(child) for child in children]
    computed = Counter(log.read_text(encoding="utf-8").split() if log.exists() else ())
    results = processes if overlapping else 1
    expected = Counter({"train": 1, "extract": 1, "judge": results})
    for place, done in enumerate(ended):
        fault = f"process {place + 1} of {processes}, {title}"
        found = len(list((folder / "results").glob("*/*.json")))
        same = overlapping or world.numbers(folder) == world.expected
        if done.status:
            yield world.judged(fault, done, folder)
        elif computed != expected or found != results or not same:
            yield Outcome(fault, "silent", f"computed {dict(computed)}, {found} results")
        else:
            yield Outcome(fault, "same")
    if overlapping:
        yield world.run_again(
            f"the first of {processes} again, {title}", _only_first(folder, world)
        )


def _only_first(folder: Path, world: World) -> Path:
    """Leave only the result of the undisturbed run's spec."""
    names = {path.name for path in (world.calm / "results").glob("*/*")}
    for path in (folder / "results").glob("*/*"):
        if path.name not in names:
            path.unlink()
    return folder


def _noted(log: Path) -> Callable[[], None]:
    """Return what makes a process note what it computes."""

    def install() -> None:
        from facebench.pipeline import stages
        from facebench.pretrain import engine

        for module, name in ((engine, "train"), (stages, "extract"), (stages, "judge")):
            _wrap(module, name, log)

    return install


def _wrap(module: object, name: str, log: Path) -> None:
    compute = getattr(module, name)

    def noted(*given: object, **named: object) -> object:
        with log.open("a", encoding="utf-8") as stream:  # one short write: no two mix
            stream.write(f"{name}\n")
            stream.flush()
            os.fsync(stream.fileno())
        return compute(*given, **named)

    setattr(module, name, noted)
