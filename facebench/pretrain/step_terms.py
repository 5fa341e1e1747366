"""What a method gives for a step: checked, so that a mistake in a plugin is one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from facebench.errors import PluginError
from facebench.method import Method, Terms


def checked_terms(method: Method, terms: Any) -> Terms:
    """Return the terms of a step, if they are named scalars.

    Args:
        method: The method that gave them.
        terms: What its ``loss()`` returned, or its ``steps()`` yielded.

    Raises:
        PluginError: They are something else; the message says what was expected.
    """
    if not isinstance(terms, Mapping):
        raise _refused(method, _described(terms))
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.dim():
            raise _refused(method, f"{name!r}: {_described(term)}")
    return dict(terms)


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _refused(method: Method, found: str) -> PluginError:
    return PluginError(
        f"method '{method.info.name}': a step gives {found}; expected a dictionary of scalars "
        "such as {'L_contrast': loss}, each a tensor without dimensions. Correct its loss() or "
        "steps()."
    )
