"""Small tasks of our own, for the tests of datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from facebench.data.dataset import Dataset, open_dataset
from facebench.task import Metric, Task, TaskInfo

ACCURACY = Metric(name="accuracy", title="Accuracy", higher_is_better=True)


def tiny_info(protocol: str, **changes: Any) -> TaskInfo:
    values: dict[str, Any] = {
        "name": "tiny",
        "title": "Tiny",
        "version": 1,
        "family": "expression",
        "dataset": "Tiny faces",
        "licence": "none",
        "obtain": "ask the test.",
        "layout": "list.csv",
        "folders": ("tiny", "tiny-faces"),
        "protocol": protocol,
        "image_size": 8,
        "main_metric": ACCURACY,
        "counts": {"train": 12, "test": 6},
        "classes": ("a", "b", "c"),
    }
    return TaskInfo(**values | changes)


class Tiny(Task):
    """A task that reads its table from ``list.csv``."""

    info = tiny_info("classification")

    def manifest(self, root: Path) -> pd.DataFrame:
        return pd.read_csv(root / "list.csv")

    def synthesise(self, root: Path, faces: Any, progress: Any, scale: float = 1.0) -> None:
        write_tiny(root, seed=int(faces.seed))


class Pairs(Tiny):
    """The same with pairs."""

    info = tiny_info("verification", name="pairs", counts={"test": 12, "pairs": 24}, classes=())

    def pairs(self, root: Path) -> pd.DataFrame:
        return pd.read_csv(root / "pairs.csv")


def write_tiny(root: Path, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    rows = [
        (f"{split}{i}.png", split, i % 3)
        for split, n in (("train", 12), ("test", 6))
        for i in range(n)
    ]
    for path, _, _ in rows:
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(root / path)
    pd.DataFrame(rows, columns=["path", "split", "label"]).to_csv(root / "list.csv", index=False)


def write_pairs(root: Path) -> None:
    write_tiny(root)
    images = pd.DataFrame({"path": [f"train{i}.png" for i in range(12)], "split": "test"})
    images.to_csv(root / "list.csv", index=False)
    rows = [
        (f"train{a}.png", f"train{b}.png", a % 2 == b % 2, fold)
        for fold in range(2)
        for a, b in [(fold * 6 + i, fold * 6 + j) for i in range(4) for j in range(i + 1, 6)][:12]
    ]
    table = pd.DataFrame(rows, columns=["first", "second", "same", "fold"])
    table.to_csv(root / "pairs.csv", index=False)


def tiny_folder(root: Path) -> Path:
    """Write the dataset of ``Tiny`` below a data folder ``root / "data"``."""
    folder = root / "data/Tiny-Faces"
    folder.mkdir(parents=True)
    write_tiny(folder)
    return folder


def opened(folder: Path) -> Dataset:
    """Open the dataset of :func:`tiny_folder`."""
    return open_dataset(Tiny(), folder.parent, folder.parent.parent / "cache")
