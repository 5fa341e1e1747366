"""Names of models, ``timm:resnet18`` or ``onnx:face.onnx``, and how each kind is opened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from facebench.errors import ModelError, SpecError, UnknownNameError
from facebench.runtime.listing import user_path

# kind -> (module, example). A module has `open_named(rest of the name) -> NamedModel`, and is
# imported when a model of its kind is opened, since it needs the library of that kind.
KINDS = {
    "timm": ("published", "timm:resnet18.a1_in1k"),
    "torchvision": ("published", "torchvision:resnet18"),
    "hf": ("hugging_face", "hf:facebook/dinov2-small"),
    "onnx": ("onnx_file", "onnx:model.onnx"),
    "export": ("exported", "export:model.pt2"),
    "py": ("python_file", "py:model.py:embed"),
}


@dataclass(frozen=True)
class NamedModel:
    """A model that a name stands for, not yet opened.

    Args:
        name: As results show it, without folders.
        load: Opens it, with its weights.
        preprocess: What its library or file says about its input, by fields of ``Preprocess``.
        digest: SHA-256 of what it is beside its modules: of its file; empty if they are all.
        align: How its images are aligned, by fields of ``AlignSpec``; empty: as for any model.
        overlaps: Name of a task -> what is known of its images or people among what it learned
            from.
        title: As tables show it; empty: its name.
    """

    name: str
    load: Callable[[], nn.Module]
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    align: Mapping[str, Any] = field(default_factory=dict)
    overlaps: Mapping[str, str] = field(default_factory=dict)
    title: str = ""


def named_model(text: str) -> NamedModel:
    """Return the model that a name stands for.

    Args:
        text: ``KIND:REST``, see :data:`KINDS`.

    Raises:
        SpecError: It has another form, or there is no such model.
        ModelError: Its library is not installed, or its file cannot be read.
    """
    kind, colon, rest = text.partition(":")
    if not (colon and rest):
        raise SpecError(
            f"the model is '{text}'; expected KIND:NAME, for example zoo:arcface, "
            f"{', '.join(example for _, example in KINDS.values())}."
        )
    if kind not in KINDS:
        raise UnknownNameError("kind of model", kind, ("zoo", *KINDS))
    opened: NamedModel = import_module(f"facebench.models.{KINDS[kind][0]}").open_named(kind, rest)
    return opened


def model_file(text: str, kind: str) -> Path:
    """Return the file that a name gives.

    Raises:
        ModelError: There is none.
    """
    path = user_path(text)
    if not path.is_file():
        raise ModelError(f"{kind}:{text}: no such file; expected one. Correct the path.")
    return path


def files_digest(*paths: Path) -> str:
    """Return the SHA-256 of the contents of files, one after the other."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def library(module: str, kind: str) -> Any:
    """Import what a kind of model needs.

    Raises:
        ModelError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ModelError(
            f"{kind}: models of this kind need {module}, which cannot be imported: {error}. "
            f"Install it: pip install 'facebench[{kind}]'."
        ) from error


def first_line(error: BaseException) -> str:
    """Return the type of an error and the first line of its text."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()[:300]}" if lines else type(error).__name__
