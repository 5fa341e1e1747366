"""People who are in the pretraining data and in the test, as far as their names are known."""

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
    """Say which people of the test the representation has seen, without labels.

    Names are compared without accents, case, spaces and signs. Namesakes count as one person.

    Args:
        source: What was learned from.
        dataset: What is tested on.

    Returns:
        JSON: ``images_named`` and ``images`` of the source, ``names`` different ones there,
        ``tested`` people of the test, ``shared`` of them, and the first names in ``shown``;
        ``None`` if either side does not say who is shown.
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
    """Return a sentence if somebody is on both sides."""
    if not overlap or not overlap["shared"]:
        return ()
    return (
        f"{overlap['shared']:,} of {overlap['tested']:,} people of the test are in the "
        f"pretraining data {source.name} (learned from without labels)",
    )


def normal(name: str) -> str:
    """Return a name as it is compared: ``Beyoncé Knowles`` and ``beyonce_knowles`` are one."""
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
