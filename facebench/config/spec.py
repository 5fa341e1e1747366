"""Specification of a run, as frozen, typed and hashable dataclasses.

A :class:`RunSpec` is one (method, task, seed). Stages depend on the spec and on the data alone, so
the hash of its canonical JSON is part of the names of their outputs.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal

from facebench.errors import SpecError
from facebench.task import NoOptions

HASH_LENGTH = 16  # hexadecimal digits: 64 bits, enough to avoid collisions


@dataclass(frozen=True, kw_only=True)
class PretrainSpec:
    """Options of pretraining (``--set pretrain.KEY=VALUE``); defaults: PCL section 4.1."""

    data: str = "voxceleb"  # a folder, images:FOLDER, video:FOLDER, voxceleb or a task's name
    sampling: Literal["frames", "identities"] = "frames"  # one pass over frames, or identities
    limit: int = 0  # images to learn from; 0 is all of them
    image_size: int = 64  # pixels
    epochs: int = 1000
    batch_size: int = 256
    lr: float = 1e-4
    weight_decay: float = 0.0
    # cosine: per epoch, to 0; method: per epoch, by the method's lr_factor (constant by default)
    schedule: Literal["cosine", "onecycle", "method"] = "cosine"
    checkpoint_minutes: float = 2.0  # at least this long between two resume points

    def __post_init__(self) -> None:
        _at_least("pretrain.limit", self.limit, 0)
        _at_least("pretrain.image_size", self.image_size, 16)
        _at_least("pretrain.epochs", self.epochs, 1)
        _at_least("pretrain.batch_size", self.batch_size, 2)
        _above("pretrain.lr", self.lr, 0)
        _at_least("pretrain.weight_decay", self.weight_decay, 0)
        _at_least("pretrain.checkpoint_minutes", self.checkpoint_minutes, 0)


@dataclass(frozen=True, kw_only=True)
class ExtractSpec:
    """Options of feature extraction (``--set extract.KEY=VALUE``)."""

    feature: str = ""  # f_s, f_f, f_p, f_f+f_p ...; empty: the method's main feature
    image_size: int = 0  # pixels; 0: the size that the task declares (PCL section 4.1)
    pool: Literal["flatten", "mean"] = "flatten"  # mean over positions suits wide timm models
    dtype: Literal["float16", "float32"] = "float16"  # on disk
    batch_size: int = 64

    def __post_init__(self) -> None:
        _at_least("extract.image_size", self.image_size, 0)
        _at_least("extract.batch_size", self.batch_size, 1)


@dataclass(frozen=True, kw_only=True)
class ProbeSpec:
    """Options of the evaluation of frozen features (``--set probe.KEY=VALUE``).

    ``paper`` is the printed recipe (PCL's released code: Adam 1e-2, cosine over 300 epochs,
    batch 256); ``honest`` chooses among ``lrs`` x ``weight_decays`` on held-out training items.
    Pairs are verified by ``cosine``, with nothing to train, or by a ``learned`` head, for which no
    paper gives a recipe: ``paper`` takes ``paper_lr``, ``honest`` chooses among ``pair_lrs``.
    """

    epochs: int = 300  # PCL section 4.1
    batch_size: int = 256  # PCL, released code
    paper_lr: float = 1e-2  # PCL, released code
    lrs: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
    weight_decays: tuple[float, ...] = (0.0, 1e-4, 1e-3)
    holdout: float = 0.1  # share of the training split, stratified
    centre: bool = False  # verification: subtract the training folds' mean feature
    verification: Literal["cosine", "learned"] = "cosine"  # PCL does not say; learned: a head
    embedding_dim: int = 128  # learned: FaceNet (Schroff et al., 2015)
    pair_epochs: int = 20  # learned: project's choice: LFW in minutes on 2 cores
    pair_lrs: tuple[float, ...] = (1e-4, 3e-4, 1e-3)  # learned: project's choice
    resamples: int = 2000  # bootstrap

    def __post_init__(self) -> None:
        _at_least("probe.epochs", self.epochs, 1)
        _at_least("probe.batch_size", self.batch_size, 1)
        _above("probe.paper_lr", self.paper_lr, 0)
        if not self.lrs or not self.weight_decays:
            raise SpecError("probe.lrs and probe.weight_decays need at least one value each.")
        for lr in self.lrs:
            _above("probe.lrs", lr, 0)
        if not self.pair_lrs:
            raise SpecError("probe.pair_lrs is empty; expected at least one learning rate.")
        for lr in self.pair_lrs:
            _above("probe.pair_lrs", lr, 0)
        _at_least("probe.embedding_dim", self.embedding_dim, 1)
        _at_least("probe.pair_epochs", self.pair_epochs, 1)
        for decay in self.weight_decays:
            _at_least("probe.weight_decays", decay, 0)
        if not 0 < self.holdout < 1:
            raise SpecError(f"probe.holdout is {self.holdout}; expected a share between 0 and 1.")
        _at_least("probe.resamples", self.resamples, 100)


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One run: a method with its options, a task and a seed."""

    method: str
    task: str
    backbone: str = "facecycle16"
    preset: str = "quick"
    method_options: Any = field(default_factory=NoOptions)
    task_options: Any = field(default_factory=NoOptions)
    pretrain: PretrainSpec = field(default_factory=PretrainSpec)
    extract: ExtractSpec = field(default_factory=ExtractSpec)
    probe: ProbeSpec = field(default_factory=ProbeSpec)
    seed: int = 0
    precision: Literal["32", "bf16"] = "32"
    checkpoint: str = ""  # folder of a checkpoint to evaluate; empty: pretrain
    limit: int = 0  # items of each split, or pairs; 0 is all of them
    skip_broken: bool = False
    dedup_test: bool = False  # also score without the test items that leak

    def __post_init__(self) -> None:
        _at_least("seed", self.seed, 0)
        _at_least("limit", self.limit, 0)

    @property
    def name(self) -> str:
        """Return the name of this run in progress messages."""
        return f"{self.method} on {self.task}, seed {self.seed}"


def plain(value: Any) -> Any:
    """Return dataclasses, tuples and mappings as JSON types; other types raise an error."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{value!r} has no canonical form")


def digest(value: Any) -> str:
    """Return the hash of ``value``: SHA-256 of its canonical JSON, shortened.

    The order of keys does not matter; 1 and 1.0 are different values.
    """
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


def spec_record(spec: RunSpec) -> dict[str, Any]:
    """Return the spec as JSON, for results and checkpoints."""
    record: dict[str, Any] = plain(asdict(spec))
    return record


def _at_least(key: str, value: float, least: float) -> None:
    if not (math.isfinite(value) and value >= least):
        raise SpecError(f"{key} is {value}; expected {least} or more.")


def _above(key: str, value: float, bound: float) -> None:
    if not (math.isfinite(value) and value > bound):
        raise SpecError(f"{key} is {value}; expected more than {bound}.")
