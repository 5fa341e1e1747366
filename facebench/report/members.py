"""Which results belong to one entry of a table: those of one configuration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from facebench.config.other_probe import OF_HEADS, unread
from facebench.config.spec import digest
from facebench.protocol import LINEAR
from facebench.report.groups import comparable
from facebench.results.record import Record
from facebench.results.store import Result


def members(results: Iterable[Result]) -> Iterator[tuple[dict[str, Any], list[Result]]]:
    """Yield each configuration with its results, ordered by task and path.

    A result of a probe that trains no head stands beside those of trained heads, if these agree on
    how heads are trained.
    """
    ordered = sorted(results, key=lambda r: (r.spec.task, r.path.name))
    trained = defaultdict[str, set[str]](set)  # key without options of heads -> keys
    keys = []
    for result in ordered:
        shared = configuration(result.record)
        keys.append(digest(shared))
        if not _headless(result.record):
            trained[digest(_without_heads(shared))].add(keys[-1])
    found: dict[str, list[Result]] = defaultdict(list)
    for result, key in zip(ordered, keys, strict=True):
        beside = trained[key] if _headless(result.record) else ()
        found[next(iter(beside)) if len(beside) == 1 else key].append(result)
    for of_entry in found.values():
        yield from _by_size(of_entry)


def configuration(record: Record) -> dict[str, Any]:
    """Return the configuration that two results of one entry share: the spec without seed and task.

    Data are identified by fingerprint, not by location; options of pretraining are left out where
    nothing is learned, and those of heads where none is trained.
    """
    spec, data = record.spec, record.pretrain.data
    extract = {k: v for k, v in spec.extract.plain().items() if k in ("feature", "pool", "dtype")}
    # How pairs are verified, and another probe than the linear one, are part of the task's group.
    apart = {"verification", *spec.probe.other()}
    probe = {k: v for k, v in spec.probe.plain().items() if k not in apart}
    kept: dict[str, Any] = {
        "method": [record.method.name, record.method.version],
        "options": spec.method_options,
        "backbone": spec.backbone,
        "precision": spec.precision,
        "extract": extract,
        "probe": probe,
    }
    if data is not None:
        learning = {
            k: v
            for k, v in spec.pretrain.plain().items()
            if k not in ("data", "checkpoint_minutes", "gradient_norm_every")
        }
        kept |= {"pretrain": learning, "data": data.fingerprint}
    if record.pretrain.imported is not None:
        kept["imported"] = record.pretrain.imported.sha256
    return _without_heads(kept) if _headless(record) else kept


def _headless(record: Record) -> bool:
    return bool(unread(record.spec.probe.kind or LINEAR))


def _without_heads(shared: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration without the options of trained heads."""
    return {**shared, "probe": {k: v for k, v in shared["probe"].items() if k not in OF_HEADS}}


def _by_size(results: list[Result]) -> Iterator[tuple[dict[str, Any], list[Result]]]:
    """Yield the configuration of results, and them; by size of images if one group has several.

    Images of the model's own size are comparable with those of the task's, and are not the same.
    """
    one = next((result for result in results if not _headless(result.record)), results[0])
    shared = configuration(one.record)
    sizes: dict[int, list[Result]] = defaultdict(list)
    for result in results:
        sizes[result.spec.extract.image_size].append(result)
    groups = comparable(results).values()
    if all(len({r.spec.extract.image_size for r in of_group}) == 1 for of_group in groups):
        yield shared, results
        return
    for size, of_size in sizes.items():
        yield {**shared, "extract": {**shared["extract"], "image_size": size}}, of_size
