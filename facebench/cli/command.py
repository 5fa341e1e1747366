"""How a function becomes a command: groups of options, and errors of the user."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache, wraps
from inspect import Parameter
from pathlib import Path
from typing import Any, get_type_hints

from facebench.cli.refusals import refusal
from facebench.runtime.stops import Stopped, stop_signals


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function that typer makes a command of.

    Each parameter that is annotated with a dataclass is replaced by the fields of that class, in
    their order, with their annotations and defaults. A :class:`FacebenchError` is printed as one
    line and ends with status 2, as does what the system refuses (:mod:`facebench.cli.refusals`).
    SIGINT and SIGTERM end with 130 and 143. Any other error is a bug.

    Args:
        function: With annotations that typer knows, or dataclasses of such.
    """
    signature = inspect.signature(function, eval_str=True)
    groups = {p.name: p.annotation for p in signature.parameters.values() if _is_group(p)}

    @wraps(function)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        try:
            with stop_signals(), _cache_of(given):
                function(**given)
        except Stopped as stop:
            _say(stop)
            raise
        except Exception as error:
            message = refusal(error)
            if message is None:
                raise
            from facebench.runtime.terminal import fail

            fail(message)

    options = [option for p in signature.parameters.values() for option in _options(p)]
    vars(run)["__signature__"] = signature.replace(parameters=options)
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


@contextmanager
def _cache_of(given: Mapping[str, Any]) -> Iterator[None]:
    """Let a command keep all that it keeps in the cache that it was given."""
    places = [given.get("cache"), *(getattr(value, "cache", None) for value in given.values())]
    chosen = next((place for place in places if isinstance(place, Path)), None)
    if chosen is None:
        yield
        return
    from facebench.runtime.kept_values import kept_in

    with kept_in(chosen):
        yield


def _say(stop: Stopped) -> None:
    """Print one line about a stop, in the first of several processes that train together."""
    from facebench.runtime.launch import is_helper
    from facebench.runtime.terminal import err

    if not is_helper():
        err.print(stop.line, soft_wrap=True, markup=False, highlight=False)


def _is_group(parameter: Parameter) -> bool:
    return is_dataclass(parameter.annotation)


def _options(parameter: Parameter) -> Iterator[Parameter]:
    """Yield the options of a group, or a parameter itself; typer passes each by its name."""
    if not _is_group(parameter):
        yield parameter.replace(kind=Parameter.KEYWORD_ONLY)
        return
    yield from _options_of(parameter.annotation)


@cache  # the annotations are texts: evaluated once, commands share one declaration
def _options_of(group: type) -> tuple[Parameter, ...]:
    hints = get_type_hints(group, include_extras=True)
    return tuple(
        Parameter(
            field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(group)
    )
