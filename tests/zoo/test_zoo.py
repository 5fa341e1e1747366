"""The zoo: its records, and what is judged by ``zoo:NAME``; files are made here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import yaml

import facebench as fb
from facebench.api import zoo
from facebench.api.judged_model import model_alignment
from facebench.config.align import AlignSpec
from facebench.config.options import Override
from facebench.errors import ModelError, SpecError, UnknownNameError
from facebench.models.preprocess import Preprocess
from facebench.progress import Silent
from facebench.registry import Registry
from facebench.zoo.catalogue import read_record, zoo_record
from facebench.zoo.record import OfLibrary, ZooRecord

NEEDED = (
    "pcl", "facecycle", "farl", "mae_face", "fmae", "fsfm", "bulat_vggface", "marlin", "dinov2",
    "dinov3", "clip", "arcface",
)  # fmt: skip
CNN = "test_resnet.r160_in1k"  # timm's own model for tests, 0.4 M parameters


def entering(record: ZooRecord) -> dict[str, Any]:
    """Return the record's fields of ``Preprocess``."""
    values = record.preprocess.values
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}


def test_the_field_s_models_have_records() -> None:
    assert set(NEEDED) <= {record.name for record in fb.list_zoo()}


@pytest.mark.parametrize("record", fb.list_zoo(), ids=lambda record: record.name)
def test_a_record_fits_what_reads_it(record: ZooRecord) -> None:
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in record.preprocess.values.items()
    }
    Preprocess(**values)
    AlignSpec(**record.align)  # type: ignore[arg-type]
    tasks = Registry().names("task")
    assert {one.task for one in record.overlaps} <= set(tasks)
    model = getattr(record.opens, "model", "")
    if model.startswith("timm:"):
        name = model.removeprefix("timm:")
        assert timm.is_model(name)
        assert not isinstance(record.opens, OfLibrary) or timm.is_model_pretrained(name)
    elif record.opens.by == "weights":
        assert model in Registry().names("method")
    if record.file is not None:  # nothing could be downloaded here
        assert record.file.sha256 == "unverified"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"titel": "x"}, "'titel'"),
        ({"opens": {"by": "magic"}}, "opens"),
        (
            {"file": {"name": "../a", "url": "u", "source": "s", "sha256": "unverified"}},
            "file.name",
        ),
        ({"name": "other"}, "its name is 'other'"),
        ({"opens": {"by": "library", "model": "timm:resnet18"}}, "opens by library"),
    ],
)
def test_records_that_are_none_are_refused(change: dict[str, Any], said: str) -> None:
    content = zoo_record("farl").model_dump(exclude_none=True, mode="json") | change
    with pytest.raises(SpecError, match=said):
        read_record(yaml.safe_dump(content), "farl.yaml")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="arcface"):
        fb.zoo_info("arcfase")
    with pytest.raises(UnknownNameError, match="zoo"):
        zoo.any_named_model("zo:arcface")


def test_an_alignment_that_is_asked_for_wins() -> None:
    own = zoo_record("arcface").align
    assert {k: o.value for k, o in model_alignment("zoo:arcface", own, {}).items()} == {
        "align.kind": "five_points", "align.template": "arcface",
    }  # fmt: skip
    asked = {"align.kind": Override("none", "--set")}
    assert model_alignment("zoo:arcface", own, asked) == asked


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ZooRecord:
    """Return a record of Bulat et al. for a small network, with its file in place."""
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path / "cache"))
    content = zoo_record("bulat_vggface").model_dump(exclude_none=True)
    content["opens"]["model"] = f"timm:{CNN}"
    content["preprocess"]["values"]["image_size"] = 32
    content["overlaps"] = [{"task": "tiny", "note": "all of them", "source": "a test"}]
    record = ZooRecord.model_validate(content)
    monkeypatch.setattr(zoo, "zoo_record", lambda _: record)
    return record


def place(record: ZooRecord) -> Path:
    """Write the file as the authors' code writes it: below wrappers, with a head beside it."""
    assert record.file is not None
    file = zoo.zoo_file(record.file)
    file.parent.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = timm.create_model(CNN, num_classes=0)
    tensors = {f"module.base_net.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": {**tensors, "module.projection.weight": torch.ones(2)}}, file)
    return file


def test_a_missing_file_is_named_with_address_and_place(small: ZooRecord) -> None:
    model = zoo.any_named_model("zoo:bulat_vggface")
    assert small.file is not None
    with pytest.raises(ModelError, match="Download it from https://www.adrianbulat.com") as caught:
        model.load()
    assert str(zoo.zoo_file(small.file)) in str(caught.value)


def test_another_file_is_refused(small: ZooRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place(small)
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    assert small.file is not None
    for digest in (found, "0" * 64):
        known = small.model_copy(update={"file": small.file.model_copy(update={"sha256": digest})})
        monkeypatch.setattr(zoo, "zoo_record", lambda _, known=known: known)
        model = zoo.any_named_model("zoo:bulat_vggface")
        if digest == found:
            model.load()
        else:
            with pytest.raises(ModelError, match=f"has the SHA-256 {found}; expected 000"):
                model.load()


def test_a_model_of_the_zoo_is_judged_as_its_weights_are(
    small: ZooRecord, data: Path, plugin: Path, tmp_path: Path
) -> None:
    place(small)
    words: dict[str, Any] = {
        "device": "cpu", "precision": "32", "floors": False, "data": data, "plugins": [plugin],
        "settings": {"probe.epochs": 2}, "cache": tmp_path / "c", "results": tmp_path / "r",
        "progress": Silent(),
    }  # fmt: skip
    (judged,) = fb.evaluate("zoo:bulat_vggface", "tiny", **words)
    assert judged.record.method.title == "Bulat et al. (VGG)"
    assert "all of them (source: a test)" in judged.record.task.warnings[-1]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = timm.create_model(CNN, num_classes=0)
    (mine,) = fb.evaluate(model, "tiny", preprocess=entering(small), **words)
    assert judged.record.scores == mine.record.scores


def test_a_model_that_is_not_opened_says_why() -> None:
    with pytest.raises(ModelError, match="clips of 16 frames"):
        zoo.any_named_model("zoo:marlin")
