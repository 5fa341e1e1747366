"""Foreign files: read without running code in them, or refused in one sentence."""

import argparse
import collections
import datetime
import gzip
import hashlib
import io
import json
import pathlib
import pickle
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from facebench.errors import StageError
from facebench.weights.foreign_file import read_foreign

WEIGHTS = {"w": torch.arange(4000.0)}
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"


class Block(nn.Module):
    """A user's own module, whose class the reader of the file does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4))
        self.scale = nn.Parameter(torch.rand(4))
        self.path = pathlib.PurePosixPath("a")


class Config:
    def __init__(self) -> None:
        self.rate = 0.1


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_whole_model_is_read_through_its_state(
    tmp_path: Path, zipped: bool, wrapped: bool
) -> None:
    model = Block()
    content = {"model": nn.Sequential(model), "epoch": 3} if wrapped else model
    torch.save(content, tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    read = read_foreign(tmp_path / "model.pt")
    prefix = "model.0." if wrapped else ""
    expected = {prefix + name: tensor for name, tensor in model.state_dict().items()}
    assert set(read.tensors) == set(expected)
    assert all(torch.equal(read.tensors[name], tensor) for name, tensor in expected.items())
    assert f"{Block.__module__}.Block" in read.placeholders
    assert read.others == (("epoch",) if wrapped else ())


def test_an_object_that_is_no_module_is_told_how_to_be_saved(tmp_path: Path) -> None:
    torch.save(Config(), tmp_path / "model.pt")
    with pytest.raises(StageError, match=r"holds an object of .*Config .*state_dict\(\)"):
        read_foreign(tmp_path / "model.pt")


def test_objects_beside_the_weights_are_named_and_not_made(tmp_path: Path) -> None:
    counts = collections.defaultdict(list, {"a": [1]})
    content = {
        "state_dict": nn.Linear(2, 2).state_dict(), "when": datetime.datetime(2026, 1, 2),
        "where": pathlib.PurePosixPath("/a"), "counts": counts, "config": Config(),
        "args": argparse.Namespace(lr=0.1), "dtype": torch.float16, "names": {"x", "y"},
    }  # fmt: skip
    for zipped in (True, False):
        torch.save(content, tmp_path / "a.ckpt", _use_new_zipfile_serialization=zipped)
        read = read_foreign(tmp_path / "a.ckpt")
        assert set(read.tensors) == {"state_dict.weight", "state_dict.bias"}
        assert set(read.placeholders) == {
            "datetime.datetime", "pathlib.PurePosixPath", f"{Config.__module__}.Config",
            "argparse.Namespace",
        }  # fmt: skip
        assert {"when", "where", "counts.a", "config", "args"} <= set(read.others)


def test_torchscript_is_read_without_its_code(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch advises other ways of saving
        torch.jit.save(torch.jit.script(model), tmp_path / "model.pt")
    read = read_foreign(tmp_path / "model.pt")
    assert set(read.tensors) == set(model.state_dict())
    for name, tensor in model.state_dict().items():
        assert torch.equal(read.tensors[name], tensor)
    assert read.others == read.placeholders == ()


@pytest.mark.parametrize("name", ["a.SAFETENSORS", "pytorch_model.bin", "a.pth"])
def test_the_format_is_that_of_the_content(tmp_path: Path, name: str) -> None:
    for content in (save(WEIGHTS), saved(WEIGHTS)):
        (tmp_path / name).write_bytes(content)
        assert torch.equal(read_foreign(tmp_path / name).tensors["w"], WEIGHTS["w"])


def test_shards_are_read_together(tmp_path: Path) -> None:
    shards = {"one.safetensors": {"a": torch.ones(2)}, "two.bin": {"b": torch.zeros(3)}}
    for name, tensors in shards.items():
        (tmp_path / name).write_bytes(save(tensors))
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.bin", "c": "two.bin"}})
    )
    read = read_foreign(index)
    assert {name: len(tensor) for name, tensor in read.tensors.items()} == {"a": 2, "b": 3}
    (tmp_path / "two.bin").write_bytes(save({"b": torch.ones(3)}))
    assert read_foreign(index).sha256 != read.sha256  # of the shards, too
    (tmp_path / "two.bin").unlink()
    with pytest.raises(StageError, match="names the shard two.bin, which is not beside it"):
        read_foreign(index)
    for outside in ("../one.safetensors", "/etc/passwd"):
        index.write_text(json.dumps({"weight_map": {"a": outside}}))
        with pytest.raises(StageError, match="expected a file beside the index"):
            read_foreign(index)


def test_arrays_are_read_and_arrays_of_objects_are_not(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"conv.weight": np.arange(6.0).reshape(2, 3)}
    np.savez(tmp_path / "a.npz", **arrays)
    read = read_foreign(tmp_path / "a.npz")
    assert torch.equal(read.tensors["conv.weight"], torch.arange(6.0).double().view(2, 3))
    np.savez(tmp_path / "a.npz", w=np.array([Config()], dtype=object))
    with pytest.raises(StageError, match="arrays of Python objects, which are not read"):
        read_foreign(tmp_path / "a.npz")


def test_an_array_that_unpacks_to_far_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few bytes may unpack to gigabytes; the bound is lowered so that the test need not."""
    monkeypatch.setattr("facebench.weights.foreign_file._LARGE", 50_000)
    np.savez_compressed(tmp_path / "a.npz", w=np.zeros((100, 100)))
    with pytest.raises(StageError, match=r"a\.npz: .*w\.npy unpacks from [0-9,]+ to 80,128 bytes"):
        read_foreign(tmp_path / "a.npz")
    values = np.random.default_rng(0).normal(size=(100, 100))
    np.savez_compressed(tmp_path / "a.npz", w=values)
    assert torch.equal(read_foreign(tmp_path / "a.npz").tensors["w"], torch.from_numpy(values))


def test_what_training_scripts_leave_beside_weights_is_passed_over(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    content = {
        "epoch": np.int64(3), "best": np.float64(0.7), "loss": np.float32(1), "flag": np.True_,
        "args": argparse.Namespace(lr=0.1), "optimizer": optimizer.state_dict(),
        "history": [1, 2.5, None], "curve": np.arange(3.0), "state_dict": model.state_dict(),
    }  # fmt: skip
    for zipped in (True, False):
        torch.save(content, tmp_path / "a.tar", _use_new_zipfile_serialization=zipped)
        read = read_foreign(tmp_path / "a.tar")
        assert set(read.tensors) == {"state_dict.weight", "state_dict.bias"}
        assert torch.equal(read.tensors["state_dict.bias"], model.bias.detach())
        assert read.sha256 == hashlib.sha256((tmp_path / "a.tar").read_bytes()).hexdigest()
        assert {"epoch", "best", "loss", "flag", "args", "optimizer.state"} <= set(read.others)


def test_a_dictionary_that_holds_itself_ends(tmp_path: Path) -> None:
    content: dict[str, Any] = {"w": torch.zeros(1)}
    content["self"] = content
    torch.save(content, tmp_path / "loop.pt")
    assert "w" in read_foreign(tmp_path / "loop.pt").tensors


def saved(content: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def legacy(content: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def damaged(data: bytes) -> bytes:
    """Change a byte of the numbers."""
    place = data.index(WEIGHTS["w"][2000:2010].numpy().tobytes())
    return data[:place] + b"\xff" + data[place + 1 :]


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def legacy_tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            data = pickle.dumps({"protocol_version": 1000}, protocol=2)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pth", lambda: saved(WEIGHTS)[:5000], "is truncated: the end of its zip archive"),
        ("a.pth", lambda: legacy(WEIGHTS)[:9000], "is truncated: storage .* ends at byte"),
        ("a.pth", lambda: legacy(WEIGHTS)[:200], "is truncated"),
        ("a.pth", lambda: legacy(WEIGHTS)[:9], "is truncated: it has 9 bytes"),
        ("a.safetensors", lambda: save(WEIGHTS)[:500], "is truncated: tensors are missing behind"),
        ("a.safetensors", lambda: save(WEIGHTS)[:40], "is truncated: its header is not complete"),
        ("a.pth", lambda: b"", "is empty"),
        ("a.pth", lambda: LFS, r"Git LFS pointer .*\(size 12345\)\. Run git lfs pull"),
        ("a.pth", lambda: b"\n <!DOCTYPE html><html>quota", r"page of a web site \(HTML\).*quota"),
        ("a.pth", lambda: b"<html>not found</html>", "is a page of a web site"),
        ("a.pth", lambda: gzip.compress(saved(WEIGHTS)), r"is compressed \(gzip\). Unpack it"),
        ("a.pth", lambda: bytes(range(256)) * 9, "no format that is known"),
        ("a.pth", lambda: pickle.dumps({"w": [1, 2]} | {"x": "y" * 99}), "not one of torch.save"),
        ("a.tar", legacy_tar, "of torch before 0.1.10"),
        ("a.pth", lambda: zipped({"a.txt": b"1"}), "is a zip archive of a.txt"),
        ("a.pt2", lambda: zipped({"m/archive_format": b"pt2"}), "is a program of torch.export"),
        ("a.pth", lambda: saved([torch.zeros(2)]), "holds list; expected a dictionary"),
        ("a.pth", lambda: saved(torch.zeros(2)), "holds one tensor without a name"),
        ("a.pth", lambda: saved({"epoch": 3}), "found epoch; expected tensors"),
        ("a.pth", lambda: saved({}), "found nothing; expected tensors"),
        ("a.pth", lambda: damaged(saved(WEIGHTS)), "Bad CRC-32"),
    ],
)
def test_what_is_no_checkpoint_is_one_sentence(
    tmp_path: Path, name: str, content: Callable[[], bytes], message: str
) -> None:
    (tmp_path / name).write_bytes(content())
    with pytest.raises(StageError, match=message) as caught:
        read_foreign(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.pth"):
        with pytest.raises(StageError, match="expected a file of weights"):
            read_foreign(path)
