"""The record of a checkpoint, as it is stored beside the weights."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from facebench.runtime.form import (
    AtLeast0,
    Count,
    Flag,
    Form,
    Number,
    Optional,
    Sha256,
    String,
    Text,
)
from facebench.runtime.stage_record import StageRecord


class ImportedWeights(Form):
    """The file of other code that weights were taken from, and which tensors fit.

    Args:
        file: Name of the file.
        sha256: SHA-256 of the file.
        matched: Our tensors, each with the name that it has in the file.
        missing: Our tensors that the file lacks.
        unused: Tensors of the file that were not used, each with the reason if there is one.
        others: Names in the file that are no tensors.
    """

    file: Text
    sha256: Sha256
    matched: dict[str, String]
    missing: tuple[String, ...]
    unused: dict[str, String]
    others: tuple[String, ...]


class LearnedFrom(Form):
    """The images that weights were learned from, as a checkpoint states them."""

    name: Text
    synthetic: Flag
    images: Count
    fingerprint: Sha256
    warnings: tuple[String, ...]
    broken: tuple[String, ...]


class LearnedOn(Form):
    """The devices that learned together, where they were several.

    Args:
        counts: How many; more than one number where learning was stopped and went on with others.
        sync_batchnorm: Whether batch statistics were those of all devices.
    """

    counts: tuple[Count, ...]
    sync_batchnorm: Flag


class LearnedCompiled(Form):
    """How augmentation was compiled, where it was asked for.

    Args:
        asked: With CUDA graphs, or without.
        graphs: Augmentations of one shape that were compiled.
        reasons: Why others were computed by single operations.
    """

    asked: Literal["views", "graphs"]
    graphs: Count
    reasons: tuple[Text, ...]


class CheckpointRecord(StageRecord):
    """What a checkpoint says about itself.

    Args:
        weights_digest: SHA-256 over names, shapes and values of the tensors.
        spec: What it was learned with: method, backbone, seed and options.
        data: The images that it was learned from; None where nothing was learned.
        images_seen: Images in all steps.
        history: A row for each epoch.
        seconds: How long it took.
        features: The features that the weights give, where some are missing.
        imported: The file of other code that they are from, if they are.
        targets: Form of the labels that they were learned with, if there were any.
        devices: The devices that learned, where they were several.
        compiled: How augmentation was compiled, where it was asked for.
    """

    stage: ClassVar[str] = "checkpoint"
    newest: ClassVar[int] = 2
    sealed_since: ClassVar[int] = 2

    weights_digest: Sha256
    spec: dict[str, Any]
    data: LearnedFrom | None
    images_seen: Count
    history: tuple[dict[str, Number], ...]
    seconds: AtLeast0
    features: Optional[tuple[Text, ...]] = None
    imported: Optional[ImportedWeights] = None
    targets: Optional[dict[str, Any]] = None
    devices: Optional[LearnedOn] = None
    compiled: Optional[LearnedCompiled] = None
