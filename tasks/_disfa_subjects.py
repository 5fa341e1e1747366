"""Which of DISFA's subjects are used: all 27, or 26 of them, as the paper says without a name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from facebench.errors import SpecError, UnknownNameError
from facebench.task import TaskInfo

from ._disfa_labels import fold_of
from ._finding import find
from ._reading import bad_layout, shown

ALL = 27
"""Subjects in the published lists of folds."""


def check_subjects(subjects: int, without: str) -> None:
    """Check the options ``subjects`` and ``without``.

    Raises:
        SpecError: A subject is named beside all of them.
        UnknownNameError: No subject has that name.
    """
    if without and without.upper() not in fold_of():
        raise UnknownNameError("subject", without, fold_of(), where="disfa.without")
    if without and subjects == ALL:
        raise SpecError(
            f"disfa.without={without}: found disfa.subjects={ALL}, which is all of them; expected "
            f"disfa.subjects={ALL - 1} with it."
        )


def chosen_subjects(
    info: TaskInfo, root: Path, labels: Path, subjects: int, without: str
) -> tuple[list[str], list[str]]:
    """Return the subjects that are used, and a warning if one is left out.

    Args:
        info: Declaration of the task, used in messages.
        root: Folder of the dataset, used in messages.
        labels: Folder of the subjects' labels.
        subjects: 27, or 26.
        without: The subject that is left out of 26; empty: the one that ``labels`` lacks.

    Raises:
        DataError: A subject that is to be used has no labels.
        SpecError: It is not clear which of the 27 is to be left out.
    """
    everyone = sorted(fold_of())
    lacking = [subject for subject in everyone if find(labels, subject) is None]
    if subjects == ALL:
        if lacking:
            hint = f"; with 26 people give disfa.subjects={ALL - 1}" if len(lacking) == 1 else ""
            raise bad_layout(info, root, f"{labels} has no folder {shown(lacking)}{hint}")
        return everyone, []
    if not without and len(lacking) != 1:
        found = f"lacks {shown(lacking)}" if lacking else f"has all {ALL}"
        raise SpecError(
            f"disfa.subjects={ALL - 1}: {labels} {found}, so that it is open which one is left "
            "out; the paper does not say. Give disfa.without=SN001, for example."
        )
    left_out = without.upper() or lacking[0]
    if missing := [subject for subject in lacking if subject != left_out]:
        raise bad_layout(info, root, f"{labels} has no folder {shown(missing)}")
    used = [subject for subject in everyone if subject != left_out]
    sizes = Counter(fold_of()[subject] for subject in used)
    folds = ", ".join(str(sizes[fold]) for fold in sorted(sizes))
    return used, [
        f"{info.title}: {ALL - 1} subjects, without {left_out} of fold {fold_of()[left_out] + 1}; "
        f"the folds have {folds} subjects. The numbers do not compare with those of {ALL}."
    ]
