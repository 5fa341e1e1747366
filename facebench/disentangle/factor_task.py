"""The faces of the disentanglement report, declared as a task so that they are opened as one.

No entry point names it, for it has no score of its own: :mod:`facebench.disentangle` hands this
file to the registry as a plugin.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facebench.errors import DataError
from facebench.progress import Progress
from facebench.synth import FaceSampler, factor_faces
from facebench.synth.factor_faces import LABELS, UNITS, read_labels, write_factor_faces
from facebench.task import Metric, Task, TaskInfo

_FOLDS = 5
_LEAST = 8  # persons, for a stand-in of any scale


class FactorFaces(Task):
    """Rendered persons with known identity, expression, action units and pose."""

    info = TaskInfo(
        name="factor_faces",
        title="Faces with known factors",
        version=1,
        family="action units",
        dataset="rendered by facebench",
        licence="Apache-2.0",
        obtain="facebench disentangle renders it.",
        layout=f"{LABELS}, person000/00.jpg",
        folders=(),
        protocol="multilabel",
        image_size=64,
        main_metric=Metric(name="f1", title="F1 (%)", higher_is_better=True, scale=100),
        counts={},
        targets=UNITS,
        source="project's own",
    )

    def manifest(self, root: Path) -> pd.DataFrame:
        """Return the labels, with the persons as subjects in five folds."""
        if not (root / LABELS).is_file():
            raise DataError(f"{root}: found no {LABELS}; expected faces with known factors.")
        table = read_labels(root)
        return table.assign(
            split="test",
            subject=table["person"].astype(str),
            fold=table["person"] % _FOLDS,
        )

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Render them; the scale is that of the number of persons."""
        write_factor_faces(
            root,
            faces,
            progress,
            people=max(_LEAST, round(factor_faces.PEOPLE * scale)),
            images=factor_faces.IMAGES,
            size=factor_faces.SIDE,
        )
