"""A result as it is stored: one JSON object, read into the frozen models of this module.

``Record.model_validate`` checks a whole result; ``facebench.results.schema`` says in words what is
wrong with one, and has the JSON schema that follows from the models.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from facebench.method_info import WEB_ADDRESS
from facebench.protocol import ScoreKind
from facebench.results.scores import (
    SCORES,
    ClassScores,
    LabelScores,
    PairScores,
    RegressionScores,
    Scores,
)
from facebench.results.settings import Settings
from facebench.runtime.form import (
    Above0,
    AtLeast0,
    Count,
    Flag,
    Form,
    Hash,
    Number,
    Optional,
    Positive,
    Sha256,
    String,
    Text,
    Time,
)
from facebench.runtime.seal import Seal
from facebench.task import Metric
from facebench.weights.record import LearnedCompiled, LearnedOn

FORMAT = 4
FORMATS = (2, 3, 4)  # those that are read
HIDDEN = "digests of files, numbers of people: the dataset's licence forbids publishing names"
SEALED_SINCE = 3  # the format from which on a result has a seal
DRAWN_ALIKE_SINCE = 4  # from which on intervals are of the draws that comparisons have, too


WebAddress = Annotated[str, Field(strict=True, pattern=f"^{WEB_ADDRESS}$")]


class StageKeys(Form):
    """The hashes that name the stages behind a result."""

    checkpoint: Text
    weights_digest: Sha256
    features: Hash
    result: Hash


class MethodRecord(Form):
    """What a result says about its method."""

    name: Text
    title: Text
    version: Positive
    paper: String
    needs: Literal[
        "nothing", "weights", "file", "images", "pairs", "frames", "labels", "identities"
    ]
    paper_url: Optional[WebAddress] = None
    code_url: Optional[WebAddress] = None


class LabelsRecord(Form):
    """The labels that were learned from: how many classes, persons or targets there are."""

    kind: Literal["classes", "labels", "numbers", "identities"]
    outputs: Positive


class SourceRecord(Form):
    """The images that a representation was learned from."""

    name: Text
    synthetic: Flag
    images: Positive
    fingerprint: Sha256
    warnings: tuple[String, ...]
    broken: tuple[String, ...]
    identity_overlap: dict[str, Any] | None = None
    labels: Optional[LabelsRecord] = None


class ImportedRecord(Form):
    """The file of other code that weights were taken from."""

    file: Text
    sha256: Sha256


class PretrainRecord(Form):
    """What a result says about learning; ``data`` is None where nothing was learned."""

    data: SourceRecord | None
    images_seen: Count
    history: tuple[dict[str, Number], ...]
    imported: Optional[ImportedRecord] = None
    devices: Optional[LearnedOn] = None
    compiled: Optional[LearnedCompiled] = None


@dataclass(frozen=True, kw_only=True)
class MetricRecord(Metric):
    """A metric as a task declares it, checked."""

    name: Text
    title: Text
    higher_is_better: Flag
    scale: Above0 = field()  # no default: it is in every file


class ValLeaks(Form):
    """Copies between the images that choose hyper-parameters and the others."""

    images: Count
    exact: Count
    near: Count
    test_in_val: Count


Twins = tuple[Annotated[tuple[String, ...], Field(min_length=2, max_length=2)], ...]


class LeakRecord(Form):
    """Test items that are in what was fitted on, or nearly so."""

    between: Literal["folds", "train and test"]
    unit: Literal["image", "pair"]
    tested: Count
    exact: Count
    near: Count
    near_bits: Count
    exact_images: Twins | None
    near_images: Twins | None
    subjects: Annotated[int, Field(strict=True)] | None
    val: Optional[ValLeaks] = None
    same_image_pairs: Optional[Count] = None
    near_image_pairs: Optional[Count] = None


class AlignmentRecord(Form):
    """How images were aligned, other than by the task's own crop.

    Of ``five_points`` also where the landmarks are from, and in how many images a face was found.
    """

    kind: Literal["crop", "none", "five_points"]
    side: Optional[Count] = None
    centre: Optional[tuple[Number, ...]] = None
    template: Optional[Text] = None
    landmarks: Optional[Text] = None
    identity: Optional[Hash] = None
    faces: Optional[Count] = None
    not_found: Optional[Count] = None


class TaskRecord(Form):
    """What a result says about its task and data; ``protocol`` has name and version."""

    name: Text
    title: Text
    version: Positive
    protocol: tuple[Text, Positive]
    family: Text
    main_metric: MetricRecord
    columns: Annotated[tuple[MetricRecord, ...], Field(min_length=1)]
    synthetic: Flag
    fingerprint: Sha256
    counts: Annotated[dict[str, Count], Field(min_length=1)]
    leaks: LeakRecord
    warnings: tuple[String, ...]
    image_size: Optional[Positive] = None
    """Side in pixels that the task declares, where features are of the size that the model does."""
    alignment: Optional[AlignmentRecord] = None
    classes: Optional[Annotated[tuple[Text, ...], Field(min_length=2)]] = None
    """Names of the classes in label order, of a task that has classes."""
    names: Optional[Text] = None
    """What stands for names of files and people, where a licence forbids publishing these."""


class YawRange(Form):
    """Errors of the ``n`` faces whose yaw is within a range, in degrees; further keys: metrics."""

    start: Number = Field(alias="from")
    to: Number
    n: Count


class Details(Form):
    """What a protocol says beside its scores: what was chosen, and on what."""

    errors_by_yaw: Optional[dict[ScoreKind, tuple[YawRange, ...]]] = None


class Seconds(Form):
    """How long each stage took."""

    pretrain: AtLeast0
    extract: AtLeast0
    probe: AtLeast0


class Environment(Form):
    """On what it was computed."""

    device: Text
    git_commit: String | None
    packages: dict[str, String]
    platform: Text
    python: Text
    memory_gib: AtLeast0

    @field_validator("packages")
    @classmethod
    def _names_facebench(cls, packages: dict[str, str]) -> dict[str, str]:
        if "facebench" not in packages:
            raise ValueError("the version of facebench")
        return packages


class Record(Form):
    """One result: a method, learned with one seed, evaluated on one task."""

    format: Literal[2, 3, 4]
    seal: Optional[Seal] = None
    spec: Settings
    stages: StageKeys
    method: MethodRecord
    pretrain: PretrainRecord
    task: TaskRecord
    n_test: Positive
    n_scored: Positive
    scores: ClassScores | LabelScores | RegressionScores | PairScores | Scores
    details: Details
    floors: Annotated[
        dict[str, Annotated[dict[str, Number], Field(min_length=1)]], Field(min_length=1)
    ]
    broken_images: Count
    feature_length: Optional[Positive] = None
    """Numbers in the feature of one image, of all layers together."""
    backbone_parameters: Optional[Count] = None
    """Parameters of the shared backbone; of a method that has none, all of its own."""
    seconds: Seconds
    environment: Environment
    created: Time

    @field_validator("scores", mode="wrap")
    @classmethod
    def _of_its_protocol(
        cls, value: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Scores:
        """Read the scores as those of the protocol that the task names."""
        protocol = info.data["task"].protocol[0] if "task" in info.data else ""
        return SCORES.get(protocol, Scores).model_validate(value)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know of the task's data, and of those that were learned from."""
        data = self.pretrain.data
        return self.task.warnings if data is None else (*self.task.warnings, *data.warnings)

    @property
    def drawn_alike(self) -> bool:
        """Whether its intervals are of the draws of test items that comparisons have, too."""
        return self.format >= DRAWN_ALIKE_SINCE

    @property
    def of_pairs(self) -> bool:
        """Whether it is of pairs of faces, which share images and people."""
        return self.task.protocol[0] == "verification"
