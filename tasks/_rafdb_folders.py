"""The folders of classes in the Kaggle copies of RAF-DB: ``{train,test}/{1,...,7}``, or by name."""

from __future__ import annotations

from pathlib import Path

from facebench.errors import DataError
from facebench.task import TaskInfo

from ._emotions import class_folders
from ._finding import find
from ._places import test_folders
from ._reading import bad_layout

SPLITS = ("train", "test")


def class_homes(
    info: TaskInfo, root: Path, dataset: Path
) -> tuple[dict[tuple[str, int], Path], list[str]]:
    """Find the folder of each split and class.

    Args:
        info: Declaration of the task, with the names of the classes.
        root: Folder that the result is relative to.
        dataset: Folder of the splits.

    Returns:
        Split and 0-based label -> folder; and a sentence for each thing that has another name than
        in the published copy.

    Raises:
        DataError: A class has no folder or two, or two folders may be the test images.
    """
    found: dict[tuple[str, int], Path] = {}
    notes: list[str] = []
    numbered = {str(label + 1): label for label in range(len(info.classes))}
    for split in SPLITS:
        place = _split_folder(info, dataset, split)
        classes = class_folders(info, place, numbered, info.classes)
        for label in range(len(info.classes)):
            if label not in classes:
                missing = place / str(label + 1)
                raise bad_layout(info, dataset.parent, f"{missing} is missing")
            found[split, label] = (place / classes[label]).relative_to(root)
        if place.name.lower() != split:
            notes.append(f"{info.title}: {place.name}/ is read as the {split} images.")
        if named := [classes[n] for n in sorted(classes) if classes[n] not in numbered]:
            notes.append(
                f"{info.title}: the folders of classes in {place.name}/ are read by their names: "
                f"{', '.join(named)}."
            )
    return found, notes


def _split_folder(info: TaskInfo, dataset: Path, split: str) -> Path:
    if split != "test":
        return find(dataset, split) or dataset / split
    found = test_folders(dataset)
    if len(found) > 1:
        raise DataError(
            f"{info.title}: found {found[0]} and {found[1]}, of which either may be the test "
            "images; expected one of them. Remove the other."
        )
    return found[0] if found else dataset / split
