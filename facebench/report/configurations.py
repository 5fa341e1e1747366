"""What tells apart rows and columns that would otherwise read alike."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from facebench.report.entries import MethodEntry
from facebench.report.groups import Group, task_title
from facebench.results.store import Result

_SHOWN = 4  # values in a line
_UNSAID = frozenset({"data"})  # fingerprints say nothing to a reader; the dialog has them
_COUNTED = frozenset({"pretrain.epochs", "pretrain.limit"})  # in the number of images

K = TypeVar("K")


def differences(entries: Sequence[MethodEntry]) -> dict[str, str]:
    """Return for each entry, by its key, the values that tell it from entries that read like it.

    Entries read alike if method, feature, backbone and the data that was learned from are the
    same. How long was learned is said by the number of images, where that tells them apart.
    """
    alike: dict[tuple[str, ...], list[MethodEntry]] = defaultdict(list)
    for entry in entries:
        source = entry.pretrain_data or entry.pretraining
        alike[entry.title, entry.feature, entry.backbone, source].append(entry)
    lines: dict[str, str] = {}
    for group in alike.values():
        options = (frozenset(entry.configuration.get("options", {})) for entry in group)
        shared = frozenset.intersection(*options)
        members = {entry.key: _settings(entry, shared) for entry in group}
        lines |= _telling(members, _UNSAID | (_COUNTED if _images_tell(group) else frozenset()))
    return lines


def _settings(entry: MethodEntry, options: frozenset[str]) -> dict[str, Any]:
    """Return what may tell an entry from others; its method is named by its version alone.

    Args:
        entry: A row.
        options: Of the method, those that the other rows have too: an option that only one version
            of a method knows says no more than the version.
    """
    settings: dict[str, Any] = {"preset": entry.preset, **entry.configuration}
    if "method" in settings:
        settings["version"] = settings.pop("method")[1]
    own = settings.get("options", {})
    return settings | {"options": {key: value for key, value in own.items() if key in options}}


def _images_tell(group: Sequence[MethodEntry]) -> bool:
    """Return whether entries of as many images also learned for as long."""
    lengths: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for entry in group:
        learning = entry.configuration.get("pretrain", {})
        lengths[entry.pretraining].add((learning.get("epochs"), learning.get("limit")))
    return all(len(found) == 1 for found in lengths.values())


def condition_notes(groups: Mapping[Group, Result]) -> dict[Group, str]:
    """Return for each group what tells it from others of the same task; a limit is always said."""
    alike: dict[tuple[str, bool], dict[Group, Mapping[str, Any]]] = defaultdict(dict)
    for group, result in groups.items():
        task, spec = result.record.task, result.spec
        alike[task_title(result.record), task.synthetic][group] = {
            "version": task.version,
            "protocol": task.protocol,
            "image_size": spec.extract.image_size,
            **spec.task_options,
        }
    notes = {group: text for members in alike.values() for group, text in _telling(members).items()}
    for group, result in groups.items():
        limit = result.spec.limit
        if limit:
            said = f"only {limit:,} items of each split"
            notes[group] = f"{said}, {notes[group]}" if notes[group] else said
    return notes


def _telling(
    members: Mapping[K, Mapping[str, Any]], unsaid: frozenset[str] = _UNSAID
) -> dict[K, str]:
    """Return ``name=value`` of what differs between members; empty for a single one.

    Where all members but one agree, that one alone says it.
    """
    flat = {key: dict(_flat("", content)) for key, content in members.items()}
    names = dict.fromkeys(name for content in flat.values() for name in content)
    usual: dict[str, str | None] = {}  # of each name that differs, the value that goes unsaid
    for name in names:
        counts = Counter(content.get(name) for content in flat.values())
        if name not in unsaid and len(counts) > 1:
            value, times = counts.most_common(1)[0]
            usual[name] = value if 1 < times == len(flat) - 1 else None
    lines = {}
    for key, content in flat.items():
        said = [f"{n}={content[n]}" for n in usual if n in content and content[n] != usual[n]]
        more = [f"{len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
        lines[key] = ", ".join([*said[:_SHOWN], *more])
    return lines


def _flat(prefix: str, content: Any) -> Iterator[tuple[str, str]]:
    """Yield ``group.key`` and value as text; options of a method go by their own names."""
    for name, value in content.items():
        full = name if prefix in ("", "options") else f"{prefix}.{name}"
        if isinstance(value, Mapping):
            yield from _flat(full, value)
        else:
            yield full, value if isinstance(value, str) else json.dumps(value, sort_keys=True)
