"""Overlap of identities between pretraining and test data, where names are known."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import pandas as pd

from facebench.data.dataset import Dataset
from facebench.data.sources import Source

_LISTED = 20  # names in a result


def identity_overlap(source: Source, dataset: Dataset) -> dict[str, Any] | None:
    """Compare the persons of the test data with those of the pretraining data.

    Names are compared without accents, case, spaces and punctuation. Namesakes count as one person.

    Args:
        source: Source of the pretraining images.
        dataset: Dataset of the test.

    Returns:
        JSON: ``images`` of the source, ``images_named`` those with a name, ``names`` the number of
        distinct names, ``tested`` the number of test persons, ``shared`` the number of them in the
        source, and the first names in ``shown``; ``None`` if either side names no persons.
    """
    named = [name for name in source.subjects if name]
    if not named or "subject" not in dataset.table:
        return None
    learned = {normal(name) for name in set(named)}
    tested = {normal(name): name for name in tested_subjects(dataset)}
    shared = sorted(name for key, name in tested.items() if key in learned)
    return {
        "images": len(source),
        "images_named": len(named),
        "names": len(learned),
        "tested": len(tested),
        "shared": len(shared),
        "shown": shared[:_LISTED],
    }


def overlap_warning(overlap: dict[str, Any] | None, source: Source) -> tuple[str, ...]:
    """Return a warning if a person is on both sides."""
    if not overlap or not overlap["shared"]:
        return ()
    how = "without labels" if source.targets is None else "with labels"
    return (
        f"{overlap['shared']:,} of {overlap['tested']:,} people of the test are in the "
        f"pretraining data {source.name} (learned from {how})",
    )


def normal(name: str) -> str:
    """Return the normalised name: ``Beyoncé Knowles`` and ``beyonce_knowles`` become equal."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return re.sub(r"[^\w]|_", "", "".join(c for c in plain if not unicodedata.combining(c)))


def tested_subjects(dataset: Dataset) -> Iterable[str]:
    """Return the different people of the test images, or of the images that pairs name."""
    table = dataset.table[dataset.table["split"] == "test"]
    if dataset.pairs is not None:
        table = table[
            table["path"].isin(pd.concat([dataset.pairs["first"], dataset.pairs["second"]]))
        ]
    return sorted(map(str, table["subject"].unique()))
