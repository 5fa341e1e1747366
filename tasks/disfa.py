"""DISFA: detection of action units in the frames of videos.

Mavadati et al., "DISFA: A Spontaneous Facial Action Intensity Database", IEEE Transactions on
Affective Computing 4(2), 2013: videos of 27 persons viewing a clip of four minutes; twelve action
units are annotated in every frame with an intensity from 0 to 5. PCL section 4.1 takes eight of
them at 256 px, "intensities greater than 1 are considered positive", "3-fold" as JAA-Net.

* Folds: the subject-exclusive lists of JAA-Net, in ME-GraphAU's order (``disfa_folds.json``).
* Subjects: 27. The paper says 26 and not which; every published list has 27, and 27 videos of
  4,845 frames less one (SN010 has 4,844) make 130,814 frames, which is its "about 130,000".
  ``disfa.subjects=26`` leaves one out, the one whose labels are missing or ``disfa.without``.
* Frames: every labelled one. JAA-Net dropped some without landmarks and kept 126,144: give its
  lists as ``frames_list`` to use the same.
* Crop: the largest centred square of the frame, since the paper does not say and the whole face is
  in it. Extracted frames that are square are not cropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Interval

from facebench.errors import DataError
from facebench.progress import Progress
from facebench.ranges import check_values
from facebench.runtime.images import Pixels
from facebench.runtime.listing import user_path
from facebench.synth import FaceSampler
from facebench.task import Metric, Task, TaskInfo

from ._disfa_frames import Camera, Frames, check_lengths, find_extracted, find_videos
from ._disfa_labels import (
    HIGHEST,
    LABELS,
    UNITS,
    Intensities,
    fold_of,
    read_frames_list,
    read_intensities,
)
from ._disfa_subjects import check_subjects, chosen_subjects
from ._finding import find, left_out
from ._places import look
from ._reading import bad_layout, folders, shown
from ._synthetic_actions import write_videos
from ._video import VIDEO_SUFFIXES, read_frame

Images = Literal["auto", "frames", "videos"]

_TARGETS = tuple(f"au{unit}" for unit in UNITS)
_MAIN = Metric(name="f1", title="F1 (%)", higher_is_better=True, scale=100.0)


@dataclass(frozen=True)
class DISFAOptions:
    """Options of the task.

    Args:
        images: Extracted ``frames`` or ``videos``; ``auto`` prefers extracted frames.
        camera: ``left`` (usual) or ``right``.
        threshold: Intensity from which an action unit counts as shown, 1 to 5; PCL section 4.1
            says "greater than 1".
        frames_list: File or folder of lists of the frames to use, such as JAA-Net's
            ``data/list``; relative to the dataset's folder. Empty for all frames.
        subjects: 27, as in every published list of folds, or 26, as PCL section 4.1 says.
        without: The subject that is left out of 26; empty: the one that the folder lacks.
    """

    images: Images = "auto"
    camera: Camera = "left"
    threshold: Annotated[int, Interval(ge=1, le=HIGHEST)] = 2
    frames_list: str = ""
    subjects: Annotated[int, Interval(ge=26, le=27)] = 27
    without: str = ""

    def __post_init__(self) -> None:
        check_values(self, "disfa")
        check_subjects(self.subjects, self.without)


class DISFA(Task):
    """Eight action units."""

    info = TaskInfo(
        name="disfa",
        title="DISFA",
        version=1,
        family="action units",
        dataset="Denver Intensity of Spontaneous Facial Action Database",
        licence="non-commercial research, under an agreement that a faculty member signs",
        names_may_be_published=False,
        obtain=(
            "send the signed agreement, see http://mohammadmahoor.com/disfa-contact-form/, and "
            "unpack labels and videos; videos are read with facebench[video], or extract all "
            "frames of each."
        ),
        layout="""
    ActionUnit_Labels/SN001/SN001_au1.txt ... SN001_au26.txt
with
    Video_LeftCamera/LeftVideoSN001_comp.avi ...
or extracted frames, numbered from 0 or 1, in
    SN001/0.jpg ... (or img/SN001/, Images/Left/SN001/)
""",
        folders=("disfa",),
        protocol="multilabel",
        image_size=256,
        quick_image_size=128,  # a quarter of the time, see docs/fidelity.md
        main_metric=_MAIN,
        columns=(
            *(
                Metric(name=f"f1_au{unit}", title=f"AU{unit}", higher_is_better=True, scale=100.0)
                for unit in UNITS
            ),
            Metric(name="f1", title="Avg", higher_is_better=True, scale=100.0),
        ),
        counts={"test": 130814},
        targets=_TARGETS,
        source=(
            "PCL section 4.1; folds: PyTorch-JAANet and ME-GraphAU; count: 27 videos of 4,845 "
            "frames less one"
        ),
    )
    Options = DISFAOptions

    def manifest(self, root: Path) -> pd.DataFrame:
        """Read labels, and find the frames or the videos, in ``root`` or ``root/DISFA``.

        Raises:
            DataError: Labels, frames or videos of a subject are missing, a label does not parse
                (``file:line``), or frames and labels do not fit each other.
        """
        labels = self._labels_folder(root)
        subjects, warnings = chosen_subjects(
            self.info, root, labels, self.options.subjects, self.options.without
        )
        coded = {
            subject: read_intensities(self.info, root, self._folder(root, labels, subject), subject)
            for subject in subjects
        }
        frames = self._frames(root, labels.parent, subjects)
        lengths = {subject: len(coded[subject].values) for subject in subjects}
        warnings += check_lengths(self.info, frames, lengths)
        table = self._table(frames, coded)
        if self.options.frames_list:
            table, sentence = self._listed(root, table)
            warnings.append(sentence)
        warnings += self._unlisted_subjects(labels) + _numbering(self.info, coded)
        files = dict.fromkeys(path.partition("#")[0] for path in table["path"])
        if not any(_is_video(path) for path in files):
            homes = (PurePosixPath(path).parent.as_posix() for path in files)
            every = (path for of_subject in frames.values() for path in of_subject.values())
            warnings += left_out(self.info, root, homes, every)
        table.attrs["warnings"] = warnings
        return table

    def read_image(self, root: Path, path: str) -> Pixels:
        """Read an image file, or frame 123 of the video for ``.../LeftVideoSN001_comp.avi#123``.

        Raises:
            DataError: The image or frame cannot be read; the message names it.
        """
        file, _, number = path.partition("#")
        if _is_video(file):
            return read_frame(root / file, int(number))
        return super().read_image(root, path)

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write videos of 27 persons as 80 frames each at 128 px, with all twelve label files.

        Rendering 256 px takes four times as long; the task enlarges them.
        """
        write_videos(root, faces, progress, frames=max(2, round(80 * scale)), size=128)

    def _labels_folder(self, root: Path) -> Path:
        labels = look(self.info, root, ("", "DISFA"), lambda folder: find(folder, LABELS))
        if labels is None or not labels.is_dir():
            raise bad_layout(self.info, root, f"{LABELS}/ is not there")
        return labels

    def _folder(self, root: Path, labels: Path, subject: str) -> Path:
        folder = find(labels, subject)
        if folder is None:
            raise bad_layout(self.info, root, f"{labels} has no folder {subject}")
        return folder

    def _frames(self, root: Path, base: Path, subjects: list[str]) -> Frames:
        wanted, camera = self.options.images, self.options.camera
        found: Frames = {}
        if wanted != "videos":
            found = find_extracted(self.info, root, base, subjects, camera)
        if wanted != "frames" and not found:
            found = find_videos(self.info, root, base, subjects, camera)
        if not found:
            kind = {"auto": "frames or videos"}.get(wanted, wanted)
            raise bad_layout(self.info, root, f"no {kind} of the {camera} camera are there")
        return found

    def _table(self, frames: Frames, coded: dict[str, Intensities]) -> pd.DataFrame:
        parts = []
        for subject, intensities in coded.items():
            numbers = sorted(t for t in frames[subject] if t < len(intensities.values))
            shows = (intensities.values[numbers] >= self.options.threshold).astype(np.int8)
            part = pd.DataFrame(shows, columns=list(_TARGETS))
            paths = [frames[subject][t] for t in numbers]
            fold = fold_of()[subject]
            parts.append(
                part.assign(path=paths, split="test", subject=subject, fold=fold, frame=numbers)
            )
        columns = ["path", "split", "subject", "fold", "frame", *_TARGETS]
        return pd.concat(parts, ignore_index=True)[columns]

    def _listed(self, root: Path, table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
        """Keep the frames of the list, and return a warning about it."""
        file = root / user_path(self.options.frames_list)
        used = set(table["subject"])  # 26 subjects leave the frames of one out
        wanted = {frame for frame in read_frames_list(file) if frame[0] in used}
        keep = pd.Series(zip(table["subject"], table["frame"], strict=True)).isin(wanted)
        kept = table[keep.to_numpy()].reset_index(drop=True)
        if lacking := len(wanted) - len(kept):
            there = set(zip(kept["subject"], kept["frame"], strict=True))
            missing = [f"{subject}/{frame}" for subject, frame in sorted(wanted - there)]
            raise DataError(
                f"{self.info.title}: {lacking:,} of {len(wanted):,} frames listed in {file} have "
                f"no image or no label: {shown(missing)}; expected all of them."
            )
        sentence = (
            f"{self.info.title}: used the {len(kept):,} of {len(table):,} frames that "
            f"disfa.frames_list names."
        )
        return kept, sentence

    def _unlisted_subjects(self, labels: Path) -> list[str]:
        others = [name for name in folders(labels) if name.upper() not in fold_of()]
        if not others:
            return []
        return [f"{self.info.title}: left out subjects that no list of folds has: {shown(others)}."]


def _numbering(info: TaskInfo, coded: dict[str, Intensities]) -> list[str]:
    jumping = [name for intensities in coded.values() for name in intensities.jumping]
    if not jumping:
        return []
    return [
        f"{info.title}: frame numbers do not count up by one in {len(jumping):,} label files; "
        f"their lines are taken in the order of the file: {shown(jumping)}."
    ]


def _is_video(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in VIDEO_SUFFIXES
