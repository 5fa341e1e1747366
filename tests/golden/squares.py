"""A task whose bytes are part of the golden keys: it imports nothing but the public contract."""

from pathlib import Path

import pandas as pd

from facebench.errors import DataError
from facebench.task import Metric, Task, TaskInfo


class Squares(Task):
    """Grey squares; folders ``train`` and ``test`` of ``<label>_<n>.ppm``."""

    info = TaskInfo(
        name="squares",
        title="Squares",
        version=1,
        family="expression",
        dataset="Squares",
        licence="none",
        obtain="Written by the tests.",
        layout="train/0_1.ppm",
        folders=("squares",),
        protocol="classification",
        image_size=16,
        main_metric=Metric(name="accuracy", title="Accuracy", higher_is_better=True),
        counts={"train": 24, "test": 12},
        classes=("dark", "bright"),
    )

    def manifest(self, root: Path) -> pd.DataFrame:
        files = sorted(root.glob("*/*.ppm"))
        if not files:
            raise DataError(f"Squares: found no images below {root}; expected train/0_1.ppm.")
        return pd.DataFrame(
            {
                "path": [file.relative_to(root).as_posix() for file in files],
                "split": [file.parent.name for file in files],
                "label": [int(file.name[0]) for file in files],
            }
        )
