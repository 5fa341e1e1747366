"""Groups of comparable results, and texts that describe their conditions.

A group has one task version, one protocol, and real or synthetic data, never both. Rendered
stand-ins of different sizes are different data. A model that declares the size of its images stands
in the group of the size that the task declares, beside the baselines: the size is a part of the
model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from facebench.config.spec import digest
from facebench.data.sources import ON_TEST_IMAGES, ON_TEST_PEOPLE
from facebench.report.reference import Printed, printed
from facebench.results.record import Record
from facebench.results.scores import Level
from facebench.results.store import Result

# Task, its version, protocol, its version, synthetic, and what else changes the test: options of
# the task (crop, which split), image size, limit, how pairs are verified, a stand-in's size, and
# the options of a probe that is not the linear one, and how images were aligned.
Group = tuple[str, int, str, int, bool, str]


def comparable(results: Iterable[Result]) -> dict[Group, list[Result]]:
    """Group results that are comparable in one table."""
    groups: dict[Group, list[Result]] = defaultdict(list)
    for result in results:
        task, spec = result.record.task, result.spec
        # No other protocol looks at it.
        how = spec.probe.verification if result.record.of_pairs else ""
        size = task.counts if task.synthetic else {}
        named: list[Any] = [
            spec.task_options, compared_size(result.record), spec.limit, how, size,
        ]  # fmt: skip
        other = spec.probe.other()
        more = [other] if other else []
        if task.alignment is not None:
            more.append({"align": alignment_of(result.record)})
        conditions = digest([*named, *more])
        key = (task.name, task.version, *task.protocol, task.synthetic, conditions)
        groups[key].append(result)
    return dict(groups)


def compared_size(record: Record) -> int:
    """Return the side in pixels of the images that a result is comparable at.

    That is the size that features were extracted at; where it is the model's own, the size that the
    task declares (a result that does not say so keeps its own).
    """
    return record.task.image_size or record.spec.extract.image_size


def alignment_of(record: Record) -> dict[str, Any]:
    """Return how images were aligned, by what comparable results share; empty: the task's crop.

    How many faces were found is the same wherever the landmarks and the data are. Landmarks are
    the same by their identity; the file that holds them can have any name.
    """
    if record.task.alignment is None:
        return {}
    unsaid = ("faces", "not_found", *(["landmarks"] if record.task.alignment.identity else []))
    return {k: v for k, v in record.task.alignment.plain().items() if k not in unsaid}


def alignment_words(record: Record) -> str:
    """Return how images were aligned, in words: ``five points (arcface, dlib 20.0)``."""
    if record.task.alignment is None:
        return "the task's crop"
    kept = record.task.alignment.plain()
    if kept["kind"] == "five_points":
        return f"five points ({kept['template']}, {kept['landmarks']})"
    if kept["kind"] == "none":
        return "whole image"
    crop = f"crop of {kept['side']} px" if kept["side"] else "the task's crop"
    return crop + (
        f" around {kept['centre'][0]:g}, {kept['centre'][1]:g}" if kept["centre"] else ""
    )


def task_title(record: Record) -> str:
    """Return the title of a result's task, with the probe if it is not the usual one."""
    if other_probe(record):
        return f"{record.task.title}, {other_probe(record)}"
    learned = record.of_pairs and record.spec.probe.verification == "learned"
    return f"{record.task.title}, learned head" if learned else record.task.title


def other_probe(record: Record) -> str:
    """Return the name of the probe if it is not the one of the papers (``knn``); else nothing."""
    return record.spec.probe.kind or ""


def as_in_papers(record: Record) -> bool:
    """Return whether a result is of the usual probe and of all test items."""
    return not (other_probe(record) or record.spec.limit)


def printed_beside(record: Record, metric: str) -> Printed | None:
    """Return what the first paper prints for a result's method and task, if anything.

    Papers print numbers of real data, the usual probe and all test items; beside others there is
    none.
    """
    if record.task.synthetic or not as_in_papers(record):
        return None
    return printed(record.method.title, record.task.name, metric, record.spec.method_options)


def leak_free(record: Record) -> Iterator[tuple[str, Level]]:
    """Yield the scores of a result without test items that leak, if it has any, with a name.

    Near duplicates are omitted where there are none.
    """
    shown = -1
    for kind, level in record.scores.levels().items():
        if level.removed != shown:
            shown = level.removed
            yield f"without {shown:,} {record.task.leaks.unit}s ({kind})", level


def learned_from(record: Record) -> str:
    """Return the description of the pretraining data, to be appended to a line.

    A model that sees images of a size of its own is said to, since others of its group see another.
    """
    own = f", at {record.spec.extract.image_size} px" if record.task.image_size else ""
    return f"{_learned_from(record)}{own}"


def _learned_from(record: Record) -> str:
    data, imported = record.pretrain.data, record.pretrain.imported
    if imported is not None:
        return f", imported weights, {imported.file} sha256:{imported.sha256[:12]}"
    if data is None:
        published = record.method.needs == "weights"
        return ", published weights" if published else ", nothing learned"
    kind = " (synthetic)" if data.synthetic else ""
    labels = f" with {data.labels.kind}" if data.labels else ""
    return f", {record.pretrain.images_seen:,} images of {data.name}{kind}{labels}"


def concerns(warning: str, task: str) -> bool:
    """Return whether a warning of a result is about its scores on a task of this title."""
    of_one_task, own = (ON_TEST_IMAGES, ON_TEST_PEOPLE), (
        f"{ON_TEST_IMAGES} {task},", f"{ON_TEST_PEOPLE} {task} are",
    )  # fmt: skip
    return not warning.startswith(of_one_task) or warning.startswith(own)
