"""Small datasets with known duplicates, for the tests of this folder."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from facebench.data.dataset import Dataset
from facebench.runtime.digests import file_digests
from facebench.runtime.images import Pixels, read_image


def picture(seed: int, side: int = 32) -> Pixels:
    """Return smooth random blobs: no two seeds look alike, a small change does not matter."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    return np.array(coarse.resize((side, side), Image.Resampling.BICUBIC))


def save(root: Path, path: str, pixels: Pixels) -> str:
    """Write an image and return its path."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(root / path)
    return path


def squares(root: Path, counts: dict[str, int]) -> pd.DataFrame:
    """Write different pictures, ``counts`` of each split, and return their table."""
    rows = [(split, n) for split, count in counts.items() for n in range(count)]
    return pd.DataFrame(
        {
            "path": [
                save(root, f"{split}/{n}.png", picture(seed))
                for seed, (split, n) in enumerate(rows)
            ],
            "split": [split for split, _ in rows],
            "label": [n % 3 for _, n in rows],
        }
    )


def dataset_of(
    root: Path,
    table: pd.DataFrame,
    pairs: pd.DataFrame | None = None,
    *,
    protocol: str = "classification",
    **declared: Any,
) -> Dataset:
    """Open a table as a dataset of a task that reads image files."""
    values = {
        "name": "world", "title": "World", "version": 1, "protocol": protocol, "counts": {},
        "classes": ("a", "b", "c"), "class_counts": {}, "targets": (), "image_side": 0,
    }  # fmt: skip
    info = SimpleNamespace(**(values | declared))
    task: Any = SimpleNamespace(info=info, read_image=lambda root, path: read_image(root / path))
    digests = file_digests(root, table["path"].tolist(), root / "cache")
    return Dataset(task, root, False, table, pairs, tuple(digests))
