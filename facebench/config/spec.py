"""Specification of a run, as frozen, typed and hashable dataclasses.

A :class:`RunSpec` is one (method, task, seed). Stages depend on the spec and on the data alone, so
the hash of its canonical JSON is part of the names of their outputs.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Any, Literal

from annotated_types import Interval, Len

from facebench.config.align import AlignSpec
from facebench.config.other_probe import (
    NAMES,
    Draws,
    Neighbours,
    Shots,
    Temperature,
    check_probe,
    unsaid,
)
from facebench.errors import SpecError
from facebench.protocol import LINEAR
from facebench.ranges import (
    CountOrAll,
    LearningRate,
    Seed,
    Side,
    WeightDecay,
    Width,
    check_values,
)
from facebench.task import NoOptions

HASH_LENGTH = 16  # hexadecimal digits: 64 bits, enough to avoid collisions


@dataclass(frozen=True, kw_only=True)
class PretrainSpec:
    """Options of pretraining (``--set pretrain.KEY=VALUE``); defaults: PCL section 4.1."""

    data: str = "voxceleb"  # a folder, images:FOLDER, video:FOLDER, voxceleb or a task's name
    sampling: Literal["frames", "identities"] = "frames"  # one pass over frames, or identities
    limit: CountOrAll = 0  # images to learn from; 0 is all of them
    image_size: Side = 64  # pixels
    epochs: Annotated[int, Interval(ge=1, le=10**6)] = 1000  # PCL section 4.1
    batch_size: Annotated[int, Interval(ge=2, le=10**6)] = 256  # PCL section 4.1
    lr: LearningRate = 1e-4  # PCL section 4.1
    weight_decay: WeightDecay = 0.0  # PCL names none
    # cosine: per epoch, to 0; method: per epoch, by the method's lr_factor (constant by default)
    schedule: Literal["cosine", "onecycle", "method"] = "cosine"
    # statistics over the images of all devices, where several learn together
    sync_batchnorm: bool = True
    # steps between two measurements of the gradient's norm, of which curves have the mean
    gradient_norm_every: Annotated[int, Interval(ge=1, le=10**6)] = 1
    # augmentation as graphs of torch.compile: views; with CUDA graphs, too: graphs
    compile: Literal["off", "views", "graphs"] = "off"
    # at least this long between two resume points; at most a week
    checkpoint_minutes: Annotated[float, Interval(ge=0, le=10080)] = 2.0

    def __post_init__(self) -> None:
        check_values(self, "pretrain")
        if self.data in ("", "images:", "video:"):  # would be the current folder
            raise SpecError(
                f"pretrain.data is '{self.data}', which names no folder; expected images:FOLDER, "
                "video:FOLDER, a folder, 'voxceleb' or the name of a task."
            )

    @property
    def unsaid(self) -> frozenset[str]:
        """Return the options that no key and no record has: as it was before there were such."""
        defaults = {"sync_batchnorm": True, "gradient_norm_every": 1, "compile": "off"}
        return frozenset(name for name, value in defaults.items() if getattr(self, name) == value)


@dataclass(frozen=True, kw_only=True)
class ExtractSpec:
    """Options of feature extraction (``--set extract.KEY=VALUE``)."""

    # f_s, f_f, f_p, f_f+f_p, cls ...; empty: the method's main feature; several are asked for with
    # commas, and are runs of their own with one pass over the images
    feature: str = ""
    # pixels; 0: the size that the task declares (PCL section 4.1)
    image_size: Literal[0] | Side = 0
    # mean over positions suits wide timm models; gem: the generalised mean, of image retrieval
    pool: Literal["flatten", "mean", "gem"] = "flatten"
    dtype: Literal["float16", "float32"] = "float16"  # on disk
    batch_size: Annotated[int, Interval(ge=1, le=10**6)] = 64  # images at a time

    def __post_init__(self) -> None:
        check_values(self, "extract")


@dataclass(frozen=True, kw_only=True)
class ProbeSpec:
    """Options of the evaluation of frozen features (``--set probe.KEY=VALUE``).

    ``paper`` is the printed recipe (PCL's released code: Adam 1e-2, cosine over 300 epochs,
    batch 256); ``honest`` chooses among ``lrs`` x ``weight_decays`` on held-out training items.
    Pairs are verified by ``cosine``, with nothing to train, or by a ``learned`` head, for which no
    paper gives a recipe: ``paper`` takes ``paper_lr``, ``honest`` chooses among ``pair_lrs``.
    """

    epochs: Annotated[int, Interval(ge=1, le=10**6)] = 300  # PCL section 4.1
    batch_size: Annotated[int, Interval(ge=1, le=10**6)] = 256  # PCL, released code
    paper_lr: LearningRate = 1e-2  # PCL, released code
    # honest: chosen on held-out training items
    lrs: Annotated[tuple[LearningRate, ...], Len(1, 64)] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
    weight_decays: Annotated[tuple[WeightDecay, ...], Len(1, 64)] = (0.0, 1e-4, 1e-3)  # as lrs
    holdout: Annotated[float, Interval(gt=0, lt=1)] = 0.1  # share of training split, stratified
    centre: bool = False  # verification: subtract the training folds' mean feature
    verification: Literal["cosine", "learned"] = "cosine"  # PCL does not say; learned: a head
    embedding_dim: Width = 128  # learned: FaceNet (Schroff et al., 2015)
    # learned: project's choice: LFW in minutes on 2 cores
    pair_epochs: Annotated[int, Interval(ge=1, le=10**6)] = 20
    # learned: project's choice
    pair_lrs: Annotated[tuple[LearningRate, ...], Len(1, 64)] = (1e-4, 3e-4, 1e-3)
    resamples: Annotated[int, Interval(ge=100, le=10**6)] = 2000  # bootstrap
    kind: str = LINEAR  # or another probe of the task's protocol: --probe knn
    k: Neighbours = 20  # knn, paper: DINO (Caron et al., ICCV 2021)
    temperature: Temperature = 0.07  # knn, paper: DINO, released code; 0: equal votes
    # knn, honest: DINO's released code tries 10 to 200; the rest is the project's choice
    ks: Annotated[tuple[Neighbours, ...], Len(1, 64)] = (1, 5, 10, 20, 100, 200)
    temperatures: Annotated[tuple[Temperature, ...], Len(1, 64)] = (0.0, 0.02, 0.07, 0.2)  # as ks
    shots: Shots = (1.0, 2.0, 4.0, 10.0)  # fewshot: labels of each class, or a share of all below 1
    draws: Draws = 10  # fewshot: of the labelled images, for each number

    def __post_init__(self) -> None:
        check_values(self, "probe")
        changed = {f.name for f in fields(self) if getattr(self, f.name) != f.default} & NAMES
        check_probe(self.kind, frozenset(changed), self.shots)

    @property
    def unsaid(self) -> frozenset[str]:
        """Return the options of probes that were not chosen, which are in no key and no record."""
        return unsaid(self.kind)


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
    align: AlignSpec = field(default_factory=AlignSpec)
    extract: ExtractSpec = field(default_factory=ExtractSpec)
    probe: ProbeSpec = field(default_factory=ProbeSpec)
    seed: Seed = 0
    precision: Literal["32", "bf16"] = "32"
    checkpoint: str = ""  # folder of a checkpoint to evaluate; empty: pretrain
    limit: CountOrAll = 0  # items of each split, or pairs; 0 is all of them
    skip_broken: bool = False
    dedup_test: bool = False  # also score without the test items that leak

    def __post_init__(self) -> None:
        check_values(self)

    @property
    def name(self) -> str:
        """Return the name of this run in progress messages."""
        return f"{self.method} on {self.task}, seed {self.seed}"


def plain(value: Any) -> Any:
    """Return dataclasses, tuples and mappings as JSON types; other types raise an error."""
    if value is None or isinstance(value, (str, int, float, bool)):  # most, so first
        return value
    if is_dataclass(value) and not isinstance(value, type):
        unsaid: frozenset[str] = getattr(value, "unsaid", frozenset())
        names = [f.name for f in fields(value) if f.name not in unsaid]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    raise TypeError(f"{value!r} has no canonical form")


def digest(value: Any) -> str:
    """Return the hash of ``value``: SHA-256 of its canonical JSON, shortened.

    The order of keys does not matter; 1 and 1.0 are different values.
    """
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


def spec_record(spec: RunSpec) -> dict[str, Any]:
    """Return the spec as JSON, for results and checkpoints; ``align`` where it is no default."""
    record: dict[str, Any] = plain(spec)
    if spec.align == AlignSpec():  # as in every result from before there was such an option
        del record["align"]
    return record
