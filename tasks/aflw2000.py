"""AFLW2000: head pose in degrees, learned from 300W-LP and tested on AFLW2000-3D.

Zhu et al., "Face Alignment Across Large Poses: A 3D Solution", CVPR 2016, made both. PCL section
4.1 trains its linear probe on 300W-LP (122,450 images) and tests on AFLW2000 (2,000), at 256 px.

Targets are yaw, pitch and roll in degrees, in 300W-LP's signs: positive yaw turns the nose to the
left of the image (the subject's right), positive pitch looks up, positive roll turns the head
clockwise in the image. In Table 4 of the paper yaw and pitch may be exchanged (PCL's code names
its columns in two orders), so compare with the paper by the mean over the three.

An image with an angle beyond 99 degrees is left out of both, as in Hopenet, FSA-Net, 6DRepNet and
PCL's code; their number is in the warnings. 2,000 test images become 1,969 (deep-head-pose, issue
41). The paper does not say how faces were cropped; its code reads FSA-Net's files, so that crop is
the default, here from the 450 px images. FSA-Net's own files (64 px) are read as well; their names
of photographs are lost, and their images are scaled bilinearly where PCL's code scales cubically.

300W-LP has a photograph in up to 18 poses, and mirrored. All of them have one ``subject``, so that
held-out images are not copies of training images.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Interval

from facebench.progress import Progress
from facebench.ranges import check_values
from facebench.runtime.images import Box
from facebench.synth import FaceSampler
from facebench.synth.marker import MARKER
from facebench.task import Metric, Task, TaskInfo

from ._finding import find, left_out
from ._mat5 import FloatArray
from ._pose_crop import fsanet_box, hopenet_box, visible
from ._pose_folders import COLLECTIONS, SIDE, Sample, collections, find_home, read_samples
from ._pose_npz import read_npz_image
from ._reading import bad_layout, folders, names
from ._synthetic_pose import write_large_poses

CropStyle = Literal["fsanet", "hopenet"]

LIMIT = 99.0
"""Degrees; a sample with an angle beyond it is left out."""
RADIANS = 2.0
"""Degrees; if 95 % of the angles are closer to 0, they may be radians (a half turn is 3.1)."""
PUBLISHED = 122_450
"""Number of images of 300W-LP, including those beyond the limit."""

_MARGINS: dict[CropStyle, float] = {"fsanet": 0.6, "hopenet": 0.2}
_TRAIN = ("300W_LP", "300W-LP", "300WLP")
_TEST = ("AFLW2000", "AFLW2000-3D", "AFLW2000_3D")
_TEST_NAME = re.compile(r"image[0-9]+\.mat", re.IGNORECASE)


@dataclass(frozen=True)
class AFLW2000Options:
    """Options of the task.

    Args:
        crop: Crop from the landmarks: ``fsanet`` (whose files PCL's code reads; the paper does not
            say) or ``hopenet``. FSA-Net's own files are cropped already.
        margin: Margin around the landmarks, as a fraction of their box. ``none`` is the default of
            the crop: 0.6 on every side for ``fsanet``, k = 0.2 for ``hopenet`` (6DRepNet's test;
            Hopenet draws from 0.2 to 0.4).
    """

    crop: CropStyle = "fsanet"
    margin: Annotated[float, Interval(ge=0, le=4)] | None = None

    def __post_init__(self) -> None:
        check_values(self, "aflw2000")

    def box(self, points: FloatArray, width: int, height: int) -> Box:
        """Return the crop around landmarks ``[2, N]`` in an image; empty if none is visible."""
        seen = visible(points)
        if not seen.size:
            return 0, 0, 0, 0
        margin = _MARGINS[self.crop] if self.margin is None else self.margin
        if self.crop == "hopenet":
            return hopenet_box(seen, margin)
        return fsanet_box(seen, margin, width, height)


class AFLW2000(Task):
    """Regression of three angles."""

    info = TaskInfo(
        name="aflw2000",
        title="AFLW2000",
        version=1,
        family="head pose",
        dataset="300W-LP (training) and AFLW2000-3D (test)",
        licence="research only; the photographs belong to 300-W's and AFLW's sources",
        obtain=(
            "download 300W-LP.zip and AFLW2000-3D.zip, see http://www.cbsr.ia.ac.cn/users/"
            "xiangyuzhu/projects/3DDFA/main.htm, and unpack both into the data folder."
        ),
        layout="""
    300W_LP/{AFW,HELEN,IBUG,LFPW}{,_Flip}/AFW_134212_1_0.jpg, AFW_134212_1_0.mat ...
    AFLW2000/image00002.jpg, image00002.mat ...
or FSA-Net's files, all in one folder headpose/ or in the two folders above,
    {AFW,HELEN,IBUG,LFPW}{,_Flip}.npz, AFLW2000.npz
""",
        folders=("headpose", "head-pose", "head_pose"),
        parts=(_TRAIN, _TEST),
        protocol="regression",
        image_size=256,
        quick_image_size=128,  # a quarter of the time, see docs/fidelity.md
        main_metric=Metric(name="mae", title="MAE (degrees)", higher_is_better=False),
        columns=(
            Metric(name="mae_yaw", title="Yaw", higher_is_better=False),
            Metric(name="mae_pitch", title="Pitch", higher_is_better=False),
            Metric(name="mae_roll", title="Roll", higher_is_better=False),
            Metric(name="mae", title="MAE", higher_is_better=False),
        ),
        counts={"test": 1969},  # for train, only the number before the filter is published
        targets=("yaw", "pitch", "roll"),
        image_side=SIDE,
        source=(
            "PCL section 4.1; 122,450 training images before the filter: deep-head-pose's "
            "datasets.py; 1,969 of 2,000 test images after it: its issue 41"
        ),
    )
    Options = AFLW2000Options

    def manifest(self, root: Path) -> pd.DataFrame:
        """Read both datasets, in ``root`` or in folders of their names below it.

        Raises:
            DataError: One is missing, an image lacks its ``.mat``, or one is malformed.
        """
        train = find_home(root, _TRAIN, collections)
        test = find_home(root, _TEST, _test_place)
        if train is None or test is None:
            lacking = [] if train else ["300W-LP (AFW/, HELEN/, ... or AFW.npz, ...) is missing"]
            lacking += [] if test else ["AFLW2000 (image00002.mat, ... or .npz) is missing"]
            raise bad_layout(self.info, root, " and ".join(lacking))
        learned = read_300w_lp(root, train, self.options)
        tested = read_aflw2000(root, test, self.options)
        warnings = self._strays(root, train, test, [*learned, *tested])
        if len(learned) != PUBLISHED and not (root / MARKER).is_file():
            warnings.append(
                f"300W-LP: found {len(learned):,} images before the filter of angles; expected "
                f"{PUBLISHED:,}. The numbers do not compare with published ones."
            )
        tables = []
        for split, title, samples in (("train", "300W-LP", learned), ("test", "AFLW2000", tested)):
            warnings += radians_suspected(title, samples)
            table, beyond = within_limit(samples)
            tables.append(table.assign(split=split))
            if beyond:
                warnings.append(
                    f"{title}: {beyond:,} of {len(samples):,} images left out: an angle beyond "
                    f"{LIMIT:g} degrees, as in published protocols."
                )
        joined = pd.concat(tables, ignore_index=True)
        joined.attrs["warnings"] = warnings
        return joined

    def _strays(self, root: Path, train: Path, test: Path, samples: list[Sample]) -> list[str]:
        """Return warnings about missing collections of 300W-LP and files that are not read."""
        there = collections(train)
        missing = [name for name in COLLECTIONS if name not in there]
        warnings = []
        if missing:
            warnings.append(f"300W-LP: {train} lacks {', '.join(missing)}; expected all eight.")
        places = [*there.values(), _test_place(test) or test]
        homes = [place.relative_to(root).as_posix() for place in places if place.is_dir()]
        inner = [f"{home}/{name}" for home in homes for name in folders(root / home)]
        taken = [*(sample.path for sample in samples), *inner]
        return warnings + left_out(self.info, root, homes, taken)

    def read_image(self, root: Path, path: str) -> np.ndarray:
        """Read an image file, or an image of one of FSA-Net's files (``AFW.npz#17``).

        Raises:
            DataError: It cannot be read.
        """
        file, _, item = path.rpartition("#")
        if file.lower().endswith(".npz") and item.isdigit():
            return read_npz_image(root / file, int(item))
        return super().read_image(root, path)

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write 150 photographs in three poses, each also mirrored, and 300 test images."""
        write_large_poses(
            root,
            faces,
            progress,
            photographs=max(4, round(150 * scale)),
            tests=max(4, round(300 * scale)),
        )


def read_300w_lp(root: Path, home: Path, options: AFLW2000Options) -> list[Sample]:
    """Read every collection of 300W-LP.

    Args:
        root: Folder that the paths are to be relative to.
        home: Folder of the collections, below ``root``.
        options: Options with the crop.

    Returns:
        All samples, unfiltered. The subject is the photograph: ``AFW/AFW_134212_1`` for every
        ``AFW_134212_1_N`` in ``AFW`` and in ``AFW_Flip``.

    Raises:
        DataError: An image lacks its ``.mat``, or one is malformed.
    """
    samples: list[Sample] = []
    for name, place in collections(home).items():
        original = name.removesuffix("_Flip")

        def photograph(stem: str, original: str = original) -> str:
            return f"{original}/{stem.rpartition('_')[0] or stem}"

        samples += read_samples(root, place, photograph, options.box)
    return samples


def read_aflw2000(root: Path, home: Path, options: AFLW2000Options) -> list[Sample]:
    """Read AFLW2000-3D, which may exist without 300W-LP.

    Args:
        root: Folder that the paths are to be relative to.
        home: Folder of the images or of ``AFLW2000.npz``, below ``root``.
        options: Options with the crop.

    Returns:
        Without any filter; every image is a subject of its own.

    Raises:
        DataError: An image lacks its ``.mat``, or one is malformed.
    """
    place = _test_place(home) or home
    samples = read_samples(root, place, lambda stem: stem, options.box)
    return [sample._replace(subject=sample.path) for sample in samples]


def within_limit(samples: list[Sample]) -> tuple[pd.DataFrame, int]:
    """Return a table of the samples whose angles are all within ``LIMIT``, and how many are not."""
    table = pd.DataFrame(samples, columns=list(Sample._fields))
    kept = (table[["yaw", "pitch", "roll"]].abs() <= LIMIT).all(axis=1)
    return table[kept].reset_index(drop=True), int((~kept).sum())


def radians_suspected(title: str, samples: list[Sample]) -> list[str]:
    """Return a warning if the angles of a dataset look like radians instead of degrees.

    Args:
        title: Name of the dataset.
        samples: Its images, with angles that should be degrees.
    """
    angles = np.array([(sample.yaw, sample.pitch, sample.roll) for sample in samples])
    share = float((np.abs(angles) <= RADIANS).mean()) if len(angles) else 0.0
    if share < 0.95:
        return []
    low, high = angles.min(), angles.max()
    return [
        f"{title}: {share:.0%} of the angles are within {RADIANS:g} degrees of 0 ({low:.2f} to "
        f"{high:.2f}); expected up to {LIMIT:g}. They may be radians: multiply pose by 180/pi, or "
        "take the published files."
    ]


def _test_place(folder: Path) -> Path | None:
    """Return the folder itself if it holds AFLW2000's files, else ``AFLW2000.npz``, if any."""
    if any(_TEST_NAME.fullmatch(name) for name in names(folder)):
        return folder
    return find(folder, "AFLW2000.npz")
