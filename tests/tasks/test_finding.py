"""Finding layouts and listed images that another system spelled differently, and strays."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebench.errors import DataError
from facebench_tasks._finding import find, left_out, locate_images
from facebench_tasks._reading import names
from facebench_tasks.lfw import LFW

INFO = LFW.info
NFD = unicodedata.normalize("NFD", "José Ñ_0001.jpg")
NFC = unicodedata.normalize("NFC", "José Ñ_0001.jpg")


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def located(root: Path, *paths: str) -> list[str]:
    return list(locate_images(INFO, root, paths, "the list").values())


def test_find_gives_the_path_on_the_disk(tmp_path: Path) -> None:
    root = touch(tmp_path, "image/ALIGNED/a.JPG", "Pairs.TXT")
    assert find(root, "pairs.txt") == root / "Pairs.TXT"
    assert find(root, "", "Image/aligned") == find(root, "Image", "aligned")
    assert find(root, "Image/Aligned/A.jpg") == root / "image/ALIGNED/a.JPG"
    assert find(root) == root
    assert find(root, "Image/nothing") is None
    assert find(root, "pairs.txt/inside") is None
    assert find(root / "nowhere", "pairs.txt") is None


def test_find_refuses_two(tmp_path: Path) -> None:
    root = touch(tmp_path, "Train/a.jpg", "train/a.jpg")
    with pytest.raises(DataError, match="found Train and train, which differ only in case"):
        find(root, "train")


def test_find_takes_the_one_that_goes_on(tmp_path: Path) -> None:
    root = touch(tmp_path, "Image/original/a.jpg", "image/aligned/a.jpg")
    assert find(root, "Image/aligned") == root / "image/aligned"


@pytest.mark.parametrize(("listed", "there"), [(NFC, NFD), (NFD, NFC), (NFC, NFD.upper())])
def test_accents_of_macos_and_case_of_windows(tmp_path: Path, listed: str, there: str) -> None:
    touch(tmp_path, f"faces/{there}")
    assert located(tmp_path, f"Faces/{listed}") == [f"faces/{there}"]


def test_the_same_letters_go_before_a_likeness(tmp_path: Path) -> None:
    root = touch(tmp_path, "x/a.jpg", "x/A.jpg", "x/A.JPG")
    assert located(root, "x/A.jpg", "x/a.jpg") == ["x/A.jpg", "x/a.jpg"]
    with pytest.raises(DataError, match=r"x: found A\.JPG and A\.jpg, which differ only in case"):
        located(root, "x/a.JPG")


def test_one_file_for_two_listed_images(tmp_path: Path) -> None:
    root = touch(tmp_path, "x/a.jpg")
    with pytest.raises(DataError, match=r"names x/a\.jpg and x/A\.jpg; found only x/a\.jpg"):
        located(root, "x/a.jpg", "x/A.jpg")


def test_missing_images_are_counted(tmp_path: Path) -> None:
    root = touch(tmp_path, "x/a.jpg")
    with pytest.raises(
        DataError, match=r"2 of 3 images listed in the list are missing .*: y/a\.jpg, x/b\.jpg;"
    ):
        located(root, "x/a.jpg", "y/a.jpg", "x/b.jpg")


@settings(max_examples=50, deadline=None)
@given(
    stems=st.lists(
        st.text(st.sampled_from("aÄéñßЖ日 #()'&%"), min_size=1, max_size=8).filter(
            lambda stem: stem == stem.strip()
        ),
        min_size=1, max_size=8, unique_by=str.casefold,
    ),
    form=st.sampled_from(["NFC", "NFD"]),
    upper=st.booleans(),
)  # fmt: skip
def test_any_name_is_found_again(
    tmp_path_factory: pytest.TempPathFactory, stems: list[str], form: str, upper: bool
) -> None:
    root = tmp_path_factory.mktemp("names")
    there = [unicodedata.normalize(form, f"a b/{stem}.jpg") for stem in stems]  # type: ignore[arg-type]
    there = [path.upper() if upper else path for path in there]
    touch(root, *there)
    assert located(root, *(f"A b/{stem}.jpg" for stem in stems)) == there
    assert left_out(INFO, root, ["A B" if upper else "a b"], there) == []


def test_strays_are_counted_and_named(tmp_path: Path) -> None:
    root = touch(
        tmp_path, "home/Ann/1.jpg", "home/Ann/2.jpg", "home/Ann/.hidden.jpg", "home/Ann/notes.txt",
        "home/Bo/1.jpg.part", "home/cover.jpg", "home/__MACOSX/a", "README",
    )  # fmt: skip
    places = ["home", "home/Ann", "home/Bo", "home/Ann"]
    assert left_out(INFO, root, places, ["home/Ann/1.jpg"]) == [
        "LFW: left out 3 files or folders among the images that are not the dataset's: "
        "home/cover.jpg, home/Ann/2.jpg, home/Bo/1.jpg.part."
    ]
    assert left_out(INFO, root / "home/Ann", ["."], ["1.jpg", "2.jpg"]) == []


def test_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="cannot be listed: Permission denied"):
        names(tmp_path)


def test_name_that_is_no_utf8(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"Jos\xe9.jpg")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    with pytest.raises(DataError, match=r"'Jos\\xe9\.jpg', which is not UTF-8"):
        names(tmp_path)
