"""Names of emotions, as copies of the datasets call their folders of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from facebench.errors import DataError
from facebench.task import TaskInfo

from ._reading import folders

_NAMES = (
    ("anger", "angry"),
    ("disgust", "disgusted"),
    ("fear", "fearful"),
    ("happiness", "happy"),
    ("neutral",),
    ("sadness", "sad"),
    ("surprise", "surprised"),
)


def same_emotion(name: str) -> tuple[str, ...]:
    """Return every name of an emotion, in lower case; of another word only itself."""
    word = name.lower()
    return next((names for names in _NAMES if word in names), (word,))


def class_folders(
    info: TaskInfo, folder: Path, accepted: Mapping[str, int], classes: Sequence[str]
) -> dict[int, str]:
    """Find the folder of each class, by a given name or by any name of its emotion.

    Args:
        info: Declaration of the task, used in messages.
        folder: Folder of the classes' folders.
        accepted: Other names of a class's folder, in lower case -> label (``"1"`` -> 0).
        classes: Names of the classes in label order.

    Returns:
        Label -> name of its folder, for the classes that have one.

    Raises:
        DataError: Two folders are of one class; the message names both.
    """
    label_of = {name: label for label, word in enumerate(classes) for name in same_emotion(word)}
    label_of |= accepted
    found: dict[int, str] = {}
    for name in folders(folder):
        label = label_of.get(name.lower())
        if label is None:
            continue
        other = found.setdefault(label, name)
        if other != name:
            raise DataError(
                f"{info.title}: found {folder / other} and {folder / name}, both of the class "
                f"{classes[label]}; expected one folder for each class. Put together what belongs "
                "together, or remove one."
            )
    return found
