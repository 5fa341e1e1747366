"""What ``facebench run --dry-run`` prints of options: each value, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.text import Text

from facebench.config.options import DEFAULT, group_of
from facebench.config.spec import RunSpec
from facebench.request.resolve import ResolvedRun

_WIDEST = 32  # characters; the origin of a longer value (a path) stands out of its column

Settings = Mapping[str, tuple[Any, str]]  # "group.key" -> value, origin


def shared_settings(runs: Sequence[ResolvedRun]) -> Settings:
    """Return what all runs have in common: same option, same value, same origin."""
    first, *others = [run.settings() for run in runs]
    return {
        key: setting
        for key, setting in first.items()
        if all(other.get(key) == setting for other in others)
    }


def own_settings(run: ResolvedRun, shared: Settings) -> Settings:
    """Return the options of ``run`` that are not among the shared ones."""
    return {key: setting for key, setting in run.settings().items() if key not in shared}


def settings_lines(settings: Settings) -> Iterator[Text]:
    """Yield an aligned line ``group.key  value  origin`` for each option, defaults dimmed.

    An empty line stands between two groups. Nothing is shortened or broken: print the lines with
    ``soft_wrap``.
    """
    key_width = max(map(len, settings), default=0)
    for number, (_, keys) in enumerate(groupby(settings, key=group_of)):
        rows = [(key, value_text(settings[key][0]), settings[key][1]) for key in keys]
        width = max((len(value) for _, value, _ in rows if len(value) <= _WIDEST), default=0)
        if number:
            yield Text()
        for key, value, origin in rows:
            line = f"  {key:{key_width}}  {value:{width}}  {origin}"
            yield Text(line, style="dim" if origin == DEFAULT else "")


def value_text(value: Any) -> str:
    """Return a value as ``--set`` reads it; an empty text as two quotation marks."""
    if isinstance(value, tuple):
        return ",".join(map(value_text, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value) or '""'


def method_title(spec: RunSpec) -> str:
    """Return the method, and in brackets what holds for the whole run beside its options."""
    parts = [spec.backbone, f"preset {spec.preset}", f"precision {spec.precision}"]
    parts += [f"limit {spec.limit}"] if spec.limit else []
    parts += [flag for flag in ("skip_broken", "dedup_test") if getattr(spec, flag)]
    parts += [f"checkpoint {spec.checkpoint}"] if spec.checkpoint else []
    return f"{spec.method} ({', '.join(parts)})"
