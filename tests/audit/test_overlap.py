"""Overlap of persons between pretraining and test data, by name."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from facebench.audit.overlap import identity_overlap, normal, overlap_warning
from facebench.data.dataset import Dataset
from facebench.data.sources import Source


def source(*subjects: str) -> Source:
    frames = pd.DataFrame({"path": [f"{n}.png" for n in range(3)]})
    return Source("faces", False, frames, lambda path: path, ("", "", ""), (), subjects)  # type: ignore[arg-type,return-value]


def opened(**columns: Any) -> Dataset:
    paths = [f"{n}.png" for n in range(4)]
    table = pd.DataFrame({"path": paths, "split": ["train", "test", "test", "test"], **columns})
    return Dataset(None, Path(), False, table, None, ("",) * 4)  # type: ignore[arg-type]


PEOPLE = ["Ann_Tested", "José_Serra", "Aaron_Eckhart", "Aaron_Eckhart"]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Aaron_Eckhart", "aaron eckhart"),
        ("José Serra", "Jose_Serra"),
        ("José_Serra", "Jose\u0301 Serra"),
        ("A.J._Cook", "AJ Cook"),
        ("Catherine_Zeta-Jones", "catherine zeta jones"),
    ],
)
def test_spellings_of_one_name(a: str, b: str) -> None:
    assert normal(a) == normal(b)
    assert normal(a) != normal(f"{a}_2")


def test_shared_people_are_counted_and_named() -> None:
    learned = source("aaron eckhart", "", "Ann Tested")
    overlap = identity_overlap(learned, opened(subject=PEOPLE))
    assert overlap == {
        "images": 3, "images_named": 2, "names": 2, "tested": 2, "shared": 1,
        "shown": ["Aaron_Eckhart"],
    }  # fmt: skip
    assert overlap_warning(overlap, learned) == (
        "1 of 2 people of the test are in the pretraining data faces (learned from without labels)",
    )


def test_only_images_that_pairs_name_are_tested() -> None:
    dataset = opened(subject=PEOPLE)
    pairs = pd.DataFrame({"first": ["1.png"], "second": ["1.png"]})
    overlap = identity_overlap(
        source("Aaron_Eckhart", "", ""), Dataset(**{**vars(dataset), "pairs": pairs})
    )
    assert overlap is not None
    assert (overlap["tested"], overlap["shared"]) == (1, 0)
    assert overlap_warning(overlap, source()) == ()


def test_unknown_names_are_unknown() -> None:
    assert identity_overlap(source("", "", ""), opened(subject=PEOPLE)) is None
    assert identity_overlap(source(), opened(subject=PEOPLE)) is None
    assert identity_overlap(source("A", "", ""), opened()) is None
    assert overlap_warning(None, source()) == ()
