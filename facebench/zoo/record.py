"""The form of a record of the zoo."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from facebench.runtime.form import Flag, Optional, Sha256, String, Text

UNVERIFIED = "unverified"


class _Entry(BaseModel):
    """An object with known keys alone: a record is written by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Fact(_Entry):
    """A fact, and where it was found; ``unverified`` where it could not be checked."""

    value: Text
    source: Text


class LearnedFrom(_Entry):
    """What the weights were learned from, and with which labels (``none``)."""

    data: Text
    labels: Text
    source: Text


class ZooFile(_Entry):
    """The file of weights.

    Args:
        name: Its name in the folder of the zoo's files.
        url: Where its authors offer it.
        source: Where the address was found.
        sha256: Digest of its bytes, or ``unverified``.
    """

    name: Annotated[str, Field(strict=True, pattern=r"^[\w.+-]+$")]
    url: Text
    source: Text
    sha256: Sha256 | Literal["unverified"]


class OfLibrary(_Entry):
    """A name that a library fetches by its own means: ``timm:NAME``, ``hf:ORG/NAME``."""

    by: Literal["library"]
    model: Text


class OfWeights(_Entry):
    """A file of weights for a backbone or method of ``facebench import``.

    Args:
        by: This kind.
        model: ``timm:NAME``, or the name of a method.
        prefix: What the names of its tensors begin with, where that must be said.
    """

    by: Literal["weights"]
    model: Text
    prefix: Optional[Text] = None


class OfOnnx(_Entry):
    """A file of ONNX, run by onnxruntime."""

    by: Literal["onnx"]


class NotOpened(_Entry):
    """A model that facebench cannot open itself, and why."""

    by: Literal["nothing"]
    reason: Text


class Entering(_Entry):
    """How images enter the model: fields of ``Preprocess``."""

    source: Text
    values: dict[str, Any]


class Overlap(_Entry):
    """What is known of a task's images or people among what the model learned from."""

    task: Text
    note: Text
    source: Text


class ZooRecord(_Entry):
    """One published model.

    Args:
        name: Name of the record and its file; ``zoo:NAME`` on the command line.
        title: Title in tables.
        paper: Authors, title, venue and year.
        facial: Whether it learned from faces alone.
        learned_from: The data and labels.
        licence: Licence of the weights.
        file: The file of weights, unless a library fetches it.
        opens: How it is opened.
        feature: Which feature is evaluated.
        preprocess: How images enter it.
        align: Fields of ``AlignSpec`` that it is evaluated with, unless others are given.
        overlaps: Notes that the result of a task gets.
    """

    name: Annotated[str, Field(strict=True, pattern="^[a-z0-9_]+$")]
    title: Text
    paper: Text
    facial: Flag
    learned_from: LearnedFrom
    licence: Fact
    file: Optional[ZooFile] = None
    opens: Annotated[OfLibrary | OfWeights | OfOnnx | NotOpened, Field(discriminator="by")]
    feature: Fact
    preprocess: Entering
    align: dict[str, String] = Field(default_factory=dict)
    overlaps: tuple[Overlap, ...] = ()

    def notes(self) -> dict[str, str]:
        """Return for each task what a result says of the model's data, with its source."""
        return {
            one.task: f"{self.title} learned from {self.learned_from.data}: {one.note} "
            f"(source: {one.source})"
            for one in self.overlaps
        }
