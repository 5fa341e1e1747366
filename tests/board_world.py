"""A small leaderboard: real and synthetic results of three families, whole down to their stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from stored_world import classes, write
from whole_results import rewritten

from facebench.results.store import Result

ITEMS = 240
ANGLES = (
    {"name": "mae_yaw", "title": "Yaw", "scale": 1.0, "higher_is_better": False},
    {"name": "mae", "title": "MAE (degrees)", "scale": 1.0, "higher_is_better": False},
)
SHARES = {"pcl": 0.9, "simclr": 0.6, "random": 0.3}  # of the items, who has them right


def right(share: float, seed: int = 0, items: int = ITEMS) -> Any:
    return np.random.default_rng(seed).permutation(np.arange(items) < share * items)


def angles(error: float, items: int = ITEMS) -> pd.DataFrame:
    """Predictions of one angle, each off by about ``error`` degrees."""
    rng = np.random.default_rng(3)
    label = rng.uniform(-60, 60, items)
    guess = label + error * rng.uniform(0.5, 1.5, items)
    paths = [f"{n}.png" for n in range(items)]
    columns = {f"{kind}_yaw": guess for kind in ("honest", "paper", "paper_last")}
    return pd.DataFrame({"path": paths, "label_yaw": label, **columns})


def add(
    root: Path, predictions: pd.DataFrame, *, family: str = "expression", name: str = "", **how: Any
) -> Result:
    """Write one result with all that stands behind it; ``name`` is what its method calls itself."""
    result = write(root, predictions, **how)
    task = {
        "family": family,
        "fingerprint": ("5" if how.get("synthetic", False) else "e") * 64,
        "counts": {"train": 1000, "test": len(predictions)},
        "leaks": {
            "between": "train and test", "exact": 3, "near": 7, "unit": "image",
            "tested": len(predictions), "near_images": [["a.png", "b.png"]],
        },
    }  # fmt: skip
    learned = result.record.pretrain.data is not None
    return rewritten(
        result,
        task=task,
        method={"title": name or result.record.method.title},
        pretrain={"data": {"images": 64}} if learned else {},
        n_test=len(predictions),
        n_scored=len(predictions),
        stages={"result": result.path.stem[-16:]},
        environment={"device": "a tiny machine", "packages": {"torch": "2.9"}},
    )


def fill(root: Path) -> None:
    """Write a leaderboard: three methods, one of them with two seeds, and other faces beside."""
    floor = {"majority class": {"accuracy": 0.25}}
    for method, share in SHARES.items():
        learned = method != "random"
        for seed in (0, 1) if method == "simclr" else (0,):
            how: dict[str, Any] = {"method": method, "seed": seed, "learned": learned}
            frame = classes(right(share, seed))
            add(root, frame, **how, floors=floor)
            add(root, frame, **how, floors=floor, task="fer2013", title="FER-2013")
            add(
                root, angles(20 * (1 - share) + seed), **how, task="aflw2000", title="AFLW2000",
                family="head pose", columns=ANGLES,
            )  # fmt: skip
        add(root, classes(right(1 - share)), method=method, synthetic=True, learned=learned)
    add(
        root, classes(right(0.5)), method="moco", backbone="timm:resnet18",
        warnings=("some labels are doubtful",),
    )  # fmt: skip
