"""A small task with a stand-in of rendered faces, as a plugin of one file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facebench.progress import Progress, increments
from facebench.synth import FaceSampler, write_images
from facebench.task import Metric, Task, TaskInfo


class Rendered(Task):
    """Two expressions; ``train`` and ``test`` folders of ``<label>_<n>.jpg``."""

    info = TaskInfo(
        name="rendered", title="Rendered", version=1, family="expression", dataset="Rendered",
        licence="none", obtain="Written by the tests.", layout="train/0_1.jpg",
        folders=("rendered",), protocol="classification", image_size=32,
        main_metric=Metric(
            name="accuracy", title="Accuracy (%)", higher_is_better=True, scale=100
        ),
        counts={"train": 30, "test": 22}, classes=("neutral", "happiness"),
    )  # fmt: skip

    def manifest(self, root: Path) -> pd.DataFrame:
        """List the files."""
        files = sorted(root.glob("*/*.jpg"))
        return pd.DataFrame(
            {
                "path": [file.relative_to(root).as_posix() for file in files],
                "split": [file.parent.name for file in files],
                "label": [int(file.name[0]) for file in files],
            }
        )

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Render the official number of faces."""
        places = [(split, n) for split, count in self.info.counts.items() for n in range(count)]
        items = [
            (
                root / split / f"{n % 2}_{n}.jpg",
                faces.face(place, expression=self.info.classes[n % 2]),
            )
            for place, (split, n) in enumerate(places)
        ]
        with progress.bar("render", len(items), "face") as advance:
            write_images(items, 32, progress=increments(advance))
