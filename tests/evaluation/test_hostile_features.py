"""Features and weights whose arrays hold pickled objects: refused, and nothing of them is run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facebench.errors import StageError
from facebench.evaluation.store import RECORD, VALUES, FeatureWriter, read_features
from facebench.weights.foreign_file import read_foreign


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.file,)


def test_features_of_objects_are_not_unpickled(tmp_path: Path) -> None:
    folder, ran = tmp_path / "features", tmp_path / "ran"
    with FeatureWriter(folder, (1, 1), "float16") as writer:
        writer.append(np.ones((1, 1), dtype=np.float16), [])
        writer.finish({"seconds": 0.0, "images": 1, "dim": 1})
    hostile = np.array([[Runs(ran)]], dtype=object)
    np.save(folder / VALUES, hostile, allow_pickle=True)
    with pytest.raises(StageError, match="changed since it was written"):
        read_features(folder)
    record = json.loads((folder / RECORD).read_text())
    record = {key: value for key, value in record.items() if key not in ("seal", "rows")}
    (folder / RECORD).write_text(json.dumps({**record, "format": 1}))  # which has no seal
    with pytest.raises(StageError, match=rf"{VALUES}: .*Python objects"):
        read_features(folder)
    assert not ran.exists()
    np.load(folder / VALUES, allow_pickle=True)  # which it would be
    assert ran.exists()


def test_an_array_of_objects_is_no_file_of_weights(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    np.save(tmp_path / "weights.npy", np.array([Runs(ran)], dtype=object), allow_pickle=True)
    with pytest.raises(StageError, match=r"weights\.npy: cannot be read as weights"):
        read_foreign(tmp_path / "weights.npy")
    assert not ran.exists()
