"""What ``facebench run --dry-run`` prints: options, where each comes from, and stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.text import Text

from facebench.api.runs import PreparedRuns
from facebench.config.options import DEFAULT, group_of
from facebench.config.spec import RunSpec
from facebench.pipeline.plan import Step
from facebench.request.resolved import ResolvedRun
from facebench.runtime.terminal import out

_WIDEST = 32  # characters; the origin of a longer value (a path) stands out of its column

Settings = Mapping[str, tuple[Any, str]]  # "group.key" -> value, origin


def show_runs(prepared: PreparedRuns) -> None:
    """Print each method's options once, then what differs by task, and each run's stages.

    Raises:
        FacebenchError: The data of a run cannot be opened.
    """
    for _, of_method in groupby(prepared.runs, key=lambda run: run.spec.method):
        _show_method(list(of_method), prepared)


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
    """Return a value as ``--set`` reads it; an empty text or list as two quotation marks."""
    if isinstance(value, tuple):
        return ",".join(map(value_text, value)) or '""'
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


def _show_method(runs: Sequence[ResolvedRun], prepared: PreparedRuns) -> None:
    shared = shared_settings(runs)
    _show_settings(method_title(runs[0].spec), shared)
    for task, of_task in groupby(runs, key=lambda run: run.spec.task):
        same = list(of_task)  # but for the seed, which is no option
        if own := own_settings(same[0], shared):
            _show_settings(f"{same[0].spec.method} on {task}", own)
        for one in same:
            _show_plan(one.spec, prepared.steps(one.loaded))


def _show_settings(title: str, settings: Settings) -> None:
    out.print(Text(title, style="bold"), soft_wrap=True)
    for line in settings_lines(settings):
        out.print(line, soft_wrap=True)
    out.print()


def _show_plan(spec: RunSpec, steps: Sequence[Step]) -> None:
    out.print(f"[bold]{spec.name}[/bold]")
    for step in steps:
        state = "on disk" if step.done else "to do"
        named = step is steps[0] or steps[0].done
        out.print(
            f"  {step.name:9s} {step.key if named else 'named when the weights exist':28s} {state}"
        )
    out.print()
