"""Foreign files: read without running code in them, or refused in one sentence."""

import argparse
import hashlib
import io
import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from facebench.errors import StageError
from facebench.weights.unpickle import read_foreign


class Malicious:
    """Touches a file when it is unpickled, by eval or by a shell."""

    def __init__(self, how: str, mark: Path) -> None:
        self.how, self.mark = how, mark

    def __reduce__(self) -> Any:
        if self.how == "eval":
            return eval, (f"open({str(self.mark)!r}, 'w').close()",)
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("how", ["eval", "system"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_would_run_code_is_refused_by_name(
    tmp_path: Path, how: str, zipped: bool
) -> None:
    mark, file = tmp_path / "was-here", tmp_path / "best.pth"
    content = {"state_dict": {"w": torch.zeros(2)}, "epoch": Malicious(how, mark)}
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(StageError) as caught:
        read_foreign(file)
    assert not mark.exists()
    asked = {"eval": "eval", "system": "posix.system"}[how]
    assert f"reading it would run code: it asks for {asked}; expected" in str(caught.value)
    assert "weights_only" not in str(caught.value)
    torch.load(file, weights_only=False)  # the file does what it was built for
    assert mark.exists()


def test_a_whole_model_is_refused_and_what_to_do_is_said(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with pytest.raises(StageError, match=r"torch.nn.modules.linear.Linear.*state_dict\(\)"):
        read_foreign(tmp_path / "model.pt")


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


def legacy_tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            data = pickle.dumps({"protocol_version": 1000}, protocol=2)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


WEIGHTS = {"w": torch.arange(4000.0)}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pth", lambda: saved(WEIGHTS)[:5000], "cannot be read as weights"),
        ("a.pth", lambda: b"", "cannot be read as weights"),
        ("a.pth", lambda: b"<html>not found</html>", "cannot be read as weights"),
        ("a.pth", lambda: bytes(range(256)) * 9, "cannot be read as weights"),
        ("a.pth", lambda: pickle.dumps({"w": [1, 2]}), "no pickle of tensors"),
        ("a.tar", legacy_tar, "of torch before 0.1.10"),
        ("a.pth", lambda: saved([torch.zeros(2)]), "holds list; expected a dictionary"),
        ("a.pth", lambda: saved({"epoch": 3}), "found epoch; expected tensors"),
        ("a.pth", lambda: saved({}), "found nothing; expected tensors"),
        ("a.safetensors", lambda: save(WEIGHTS)[:500], "cannot be read as weights"),
        ("a.safetensors", lambda: saved(WEIGHTS), "cannot be read as weights"),
        ("a.pth", lambda: save(WEIGHTS), "cannot be read as weights"),
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
