"""Labels that distinguish rows and columns with otherwise equal names."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from facebench.report.entries import MethodEntry
from facebench.report.groups import Group, alignment_words, compared_size, task_title
from facebench.results.store import Result

_SHOWN = 4  # values in a line
_UNSAID = frozenset({"data"})  # fingerprints are shown in the dialog only
_COUNTED = frozenset({"pretrain.epochs", "pretrain.limit"})  # in the number of images

K = TypeVar("K")


def differences(
    entries: Sequence[MethodEntry], unsaid: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return for each entry, by its key, the values that distinguish it from similar entries.

    Entries are similar if method, feature, backbone and pretraining data are the same. The length
    of training is given by the number of images, where this distinguishes them.

    Args:
        entries: Rows.
        unsaid: Names that are left out, since they are said elsewhere.
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
        counted = _COUNTED if _images_tell(group) else frozenset[str]()
        lines |= _telling(members, _UNSAID | unsaid | counted)
    return lines


def _settings(entry: MethodEntry, options: frozenset[str]) -> dict[str, Any]:
    """Return the settings that may distinguish an entry; of its method the version only.

    Args:
        entry: A row.
        options: Options of the method that all compared rows have; an option that only one version
            of a method has is redundant with the version.
    """
    settings: dict[str, Any] = {"preset": entry.preset, **entry.configuration}
    if "method" in settings:
        settings["version"] = settings.pop("method")[1]
    own = settings.get("options", {})
    return settings | {"options": {key: value for key, value in own.items() if key in options}}


def _images_tell(group: Sequence[MethodEntry]) -> bool:
    """Return whether entries with equal numbers of images were trained equally long."""
    lengths: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for entry in group:
        learning = entry.configuration.get("pretrain", {})
        lengths[entry.pretraining].add((learning.get("epochs"), learning.get("limit")))
    return all(len(found) == 1 for found in lengths.values())


def distinct(names: Sequence[str], *parts: Sequence[str]) -> list[str]:
    """Return names, each with those parts appended that tell it from others of the same name.

    Args:
        names: ``[N]``.
        *parts: ``[N]`` each, the most telling first; a part that equal names share is left out.
    """
    found = list(names)
    for part in parts:
        whole = [f"{name}{more}" for name, more in zip(found, part, strict=True)]
        told = [
            len({whole[k] for k, other in enumerate(found) if other == name}) > 1 for name in found
        ]
        found = [long if tells else short for long, short, tells in
                 zip(whole, found, told, strict=True)]  # fmt: skip
    return found


def entry_names(found: Sequence[MethodEntry]) -> dict[str, str]:
    """Return a name of each row by its key, as short as may be, which tells it from the others."""
    names = distinct(
        [f"{entry.title} {entry.feature}" for entry in found],
        [f", {entry.backbone}" for entry in found],
        [f", {entry.pretraining}" for entry in found],
    )
    return told_apart(found, names)


def told_apart(found: Sequence[MethodEntry], names: Sequence[str]) -> dict[str, str]:
    """Return names by the keys of rows; those that are still equal get the settings that differ.

    Args:
        found: ``[N]`` rows.
        names: ``[N]`` their names.
    """
    alike: dict[str, list[MethodEntry]] = defaultdict(list)
    for entry, name in zip(found, names, strict=True):
        alike[name].append(entry)
    settings: dict[str, str] = {}
    for entries_of_name in alike.values():
        settings |= differences(entries_of_name)
    told = distinct(
        names,
        [f", {settings[entry.key]}" if settings[entry.key] else "" for entry in found],
        [f", {entry.key[:6]}" for entry in found],
    )
    return dict(zip((entry.key for entry in found), told, strict=True))


def condition_notes(groups: Mapping[Group, Result]) -> dict[Group, str]:
    """Return the difference of each group from others of the same task; a limit is always named."""
    alike: dict[tuple[str, bool], dict[Group, Mapping[str, Any]]] = defaultdict(dict)
    for group, result in groups.items():
        task, spec = result.record.task, result.spec
        counts = task.counts if task.synthetic else {}
        alike[task_title(result.record), task.synthetic][group] = {
            "version": f"task version {task.version}",
            "protocol": "protocol {} {}".format(*task.protocol),
            "image_size": f"images of {compared_size(result.record)} px",
            "images": {split: f"{number:,} {split} images" for split, number in counts.items()},
            "align": alignment_words(result.record),
            **spec.task_options,
            "probe": {k: v for k, v in spec.probe.other().items() if k != "kind"},
        }
    notes = {
        group: text
        for members in alike.values()
        for group, text in _telling(members, said=_condition).items()
    }
    for group, result in groups.items():
        limit = result.spec.limit
        if limit:
            said = f"only {limit:,} items of each split"
            notes[group] = f"{said}, {notes[group]}" if notes[group] else said
    return notes


def _condition(name: str, value: str) -> str:
    """Return a condition of a test in words; an option of a task has no words but its name."""
    worded = name in ("version", "protocol", "image_size", "align") or name.startswith("images.")
    return value if worded else f"{name}={value or 'none'}"


def _telling(
    members: Mapping[K, Mapping[str, Any]],
    unsaid: frozenset[str] = _UNSAID,
    said: Callable[[str, str], str] = "{}={}".format,
) -> dict[K, str]:
    """Return what differs between members; empty for a single one.

    Where all members but one agree, only that one names the value.

    Args:
        members: Values of each member, nested by name.
        unsaid: Names that are left out.
        said: Returns the text of a name and its value.
    """
    flat = {key: dict(_flat("", content)) for key, content in members.items()}
    names = dict.fromkeys(name for content in flat.values() for name in content)
    usual: dict[str, str | None] = {}  # for each differing name, the value that is omitted
    for name in names:
        counts = Counter(content.get(name) for content in flat.values())
        if name not in unsaid and len(counts) > 1:
            value, times = counts.most_common(1)[0]
            usual[name] = value if 1 < times == len(flat) - 1 else None
    lines = {}
    telling = _most_telling(list(usual), list(flat.values()))
    for key, content in flat.items():
        told = [said(n, content[n]) for n in telling if n in content and content[n] != usual[n]]
        more = [f"{len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
        lines[key] = ", ".join([*told[:_SHOWN], *more])
    return lines


def _most_telling(names: Sequence[str], contents: Sequence[Mapping[str, str]]) -> list[str]:
    """Return names in an order in which the first few tell as many contents apart as they can.

    A line has space for some of them only. Each name is the one that tells the most groups of
    contents apart which those before it leave together; the rest follow as they came.
    """
    first: list[str] = []
    rest = list(names)
    groups: list[tuple[str | None, ...]] = [()] * len(contents)
    while rest:
        refined = {
            name: [(*of, content.get(name)) for of, content in zip(groups, contents, strict=True)]
            for name in rest
        }
        best = max(rest, key=lambda name: len(set(refined[name])))  # the first of equals
        if len(set(refined[best])) == len(set(groups)):
            break
        groups = refined[best]
        first.append(best)
        rest.remove(best)
    return [*first, *rest]


def _flat(prefix: str, content: Any) -> Iterator[tuple[str, str]]:
    """Yield ``group.key`` and value as text; options of a method go by their own names."""
    for name, value in content.items():
        full = name if prefix in ("", "options") else f"{prefix}.{name}"
        if isinstance(value, Mapping):
            yield from _flat(full, value)
        else:
            yield full, value if isinstance(value, str) else json.dumps(value, sort_keys=True)
