import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from facebench.errors import StageError
from facebench.task import NoOptions
from facebench.testing.networks import TwoLayers
from facebench.weights.checkpoint import (
    load_weights,
    read_checkpoint,
    weights_digest,
    write_checkpoint,
)
from facebench_methods.random import Random

RECORD: dict[str, Any] = {"spec": {}, "data": None, "images_seen": 0, "history": [], "seconds": 0.5}


def build(seed: int) -> Random:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Random(TwoLayers(), NoOptions(), 32)


def test_weights_come_back(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, build(0), {**RECORD, "note": "mine"})
    checkpoint, other = read_checkpoint(tmp_path), build(1)
    assert checkpoint.record.plain()["note"] == "mine"
    load_weights(other, checkpoint)
    for name, tensor in build(0).state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])


def test_the_digest_sees_names_shapes_and_values_but_no_order() -> None:
    a, b = torch.arange(4.0), torch.ones(2)
    digest = weights_digest({"a": a, "b": b})
    assert digest == weights_digest({"b": b, "a": a})
    assert digest != weights_digest({"a": b, "b": a})
    assert digest != weights_digest({"a": a.view(2, 2), "b": b})
    assert digest != weights_digest({"a": a + 1e-6, "b": b})


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, build(0), RECORD)
    tensors = load_file(tmp_path / "model.safetensors")
    name = next(iter(tensors))
    save_file({**tensors, name: tensors[name] + 1}, tmp_path / "model.safetensors")
    with pytest.raises(StageError, match="model.safetensors: changed since it was written"):
        load_weights(build(0), read_checkpoint(tmp_path))


def test_weights_of_a_record_without_a_seal_have_its_digest(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, build(0), RECORD)
    old = json.loads((tmp_path / "checkpoint.json").read_text())
    del old["seal"]
    (tmp_path / "checkpoint.json").write_text(json.dumps(old | {"format": 1}))
    load_weights(build(1), read_checkpoint(tmp_path))
    tensors = load_file(tmp_path / "model.safetensors")
    name = next(iter(tensors))
    save_file({**tensors, name: tensors[name] + 1}, tmp_path / "model.safetensors")
    with pytest.raises(StageError, match="not those of its record"):
        load_weights(build(0), read_checkpoint(tmp_path))


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, build(0), RECORD)

    class Wider(TwoLayers):
        def __init__(self) -> None:
            super().__init__()
            self.more = torch.nn.Linear(2, 2)

    with pytest.raises(StageError, match="2 tensors do not fit"):
        load_weights(Random(Wider(), NoOptions(), 32), read_checkpoint(tmp_path))


def test_a_record_that_is_missing_or_of_another_version(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no such file"):
        read_checkpoint(tmp_path)
    (tmp_path / "checkpoint.json").write_text('{"format": 7}')
    with pytest.raises(StageError, match="format 7"):
        read_checkpoint(tmp_path)
