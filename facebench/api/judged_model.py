"""What is evaluated by ``fb.evaluate``: a module, a function, or the name of a model, opened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import nn

from facebench.api.zoo import any_named_model
from facebench.config.options import (
    Override,
    Overrides,
    apply,
    check_keys,
    group_of,
    keys_of,
    without_groups,
)
from facebench.errors import SpecError
from facebench.models.function import FunctionModel
from facebench.models.named import NamedModel
from facebench.models.preprocess import Preprocess
from facebench.weights.in_memory import (
    InMemory,
    InMemoryOptions,
    in_memory,
    model_digest,
    qualified,
)

GROUP = "preprocess"  # option group of --set

Model = nn.Module | Callable[[Any], Any] | str


@dataclass(frozen=True)
class JudgedModel:
    """An opened model.

    Args:
        module: From images to features.
        method: The class of method that was made for it.
        options: Its identity and preprocessing.
        align: How its images are aligned, by fields of ``AlignSpec``, unless others are given.
    """

    module: nn.Module
    method: type[InMemory]
    options: InMemoryOptions
    align: Mapping[str, Any]


def judged_model(
    model: Model, name: str | None, version: str | None, preprocess: Overrides
) -> JudgedModel:
    """Open a model.

    Args:
        model: A module, a function from a batch to features, or a name.
        name: As tables show it; None: its own.
        version: Name of a state that no digest can cover; None if it has none.
        preprocess: Overrides of the option group ``preprocess``.

    Raises:
        SpecError: It is nothing of these, or a function without name and version.
        ModelError: It cannot be opened.
    """
    found = _found(model, name, version)
    entered = preprocess_of(found, preprocess)
    module = found.load()
    digest = model_digest(module)
    if not isinstance(model, nn.Module):  # what its file or the user adds
        digest = hashlib.sha256(f"{found.digest}{digest}".encode()).hexdigest()
    options = InMemoryOptions(
        **{f.name: getattr(entered, f.name) for f in fields(entered)},
        model=found.name, digest=digest, version=version or "",
    )  # fmt: skip
    title = type(model).__name__ if isinstance(model, nn.Module) else found.title or found.name
    method = in_memory(module, title if name is None else name, found.overlaps)
    return JudgedModel(module, method, options, found.align)


def preprocess_of(model: NamedModel | None, overrides: Overrides) -> Preprocess:
    """Return how images enter a model: as its library says, where nothing else is asked for.

    Args:
        model: The model; None: no model's defaults.
        overrides: Overrides of the option group ``preprocess``.

    Raises:
        SpecError: An option is unknown, or its value does not fit.
    """
    check_keys(overrides, {GROUP: keys_of(Preprocess)})
    defaults = Preprocess() if model is None else Preprocess(**model.preprocess)
    entered: Preprocess = apply(defaults, GROUP, overrides)
    return entered


def split_settings(
    settings: Overrides, preprocess: Mapping[str, Any] | None
) -> tuple[Overrides, Overrides]:
    """Return the overrides of ``preprocess``, and all others.

    Args:
        settings: All overrides.
        preprocess: Fields of ``Preprocess`` as a keyword argument; they win.
    """
    own = {key: override for key, override in settings.items() if group_of(key) == GROUP}
    own |= {
        f"{GROUP}.{key}": Override(value, f"{GROUP}, {key}")
        for key, value in (preprocess or {}).items()
    }
    return own, without_groups(settings, (GROUP,))


def model_alignment(model: str, align: Mapping[str, Any], settings: Overrides) -> Overrides:
    """Return settings with the alignment that a model is evaluated with, where none is given.

    Args:
        model: Its name, for messages.
        align: Fields of ``AlignSpec``.
        settings: What is asked for; any option of ``align`` in it stands for all.
    """
    if any(group_of(key) == "align" for key in settings):
        return settings
    return {f"align.{key}": Override(value, model) for key, value in align.items()} | settings


def _found(model: Model, name: str | None, version: str | None) -> NamedModel:
    if isinstance(model, str):
        return any_named_model(model)
    if isinstance(model, nn.Module):
        return NamedModel(qualified(type(model)), lambda: model)
    if isinstance(model, type) or not callable(model):
        raise SpecError(
            f"model is of type {type(model).__name__}; expected a torch.nn.Module, a function from "
            "a batch to features, or a name such as timm:resnet18.a1_in1k. Of a checkpoint or a "
            "result, load_backbone() gives a module."
        )
    if not (name and version):
        raise SpecError(
            "model is a function, which has no weights to tell it from another one; expected a "
            "name and a version. Give both, and another version whenever it computes other numbers."
        )
    function = getattr(model, "__qualname__", type(model).__qualname__)
    return NamedModel(
        f"function:{function}", lambda: FunctionModel(model), digest=f"{name} {version} "
    )
