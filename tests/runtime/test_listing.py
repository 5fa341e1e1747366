"""Names with other spellings, files beside images, and names that are not UTF-8."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebench.errors import DataError
from facebench.runtime.listing import folded, folder_called, images_below, is_companion


@given(name=st.text(max_size=20))
def test_case_and_form_of_accents_do_not_matter(name: str) -> None:
    assert folded(unicodedata.normalize("NFC", name)) == folded(name)
    assert folded(unicodedata.normalize("NFD", name)) == folded(name)
    assert folded(folded(name)) == folded(name)


def test_accents_and_other_letters_do_matter() -> None:
    names = ["José_Ñ", "Jose_Ñ", "José_N", "José Ñ", "Josè_Ñ", "Ивано́в", "Иванов"]
    assert len(set(map(folded, names))) == len(names)
    assert folded("JOSÉ_ñ.JPG") == folded(unicodedata.normalize("NFD", "José_Ñ.jpg"))


@pytest.mark.parametrize(
    "name", ["notes.txt", "LIST.CSV", "image1.mat", "Thumbs.db", "desktop.ini", "__MACOSX"]
)
def test_companions(name: str) -> None:
    assert is_companion(name)


@pytest.mark.parametrize("name", ["a.jpg", "a.heic", "a.jpg.part", "a.zip", "a", "txt", "a.mp4"])
def test_what_may_be_an_image_is_no_companion(name: str) -> None:
    assert not is_companion(name)


def test_images_and_strays_of_a_tree(tmp_path: Path) -> None:
    there = ["b b.JPG", "x/José.png", "x/y/日本.tif", "x/a.heic", "x/y/b.HEIC", "c.mp4", "VISITED"]
    for name in [*there, "notes.txt", ".DS_Store", ".cache/a.png", "x/._b.jpg"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    paths, strays = images_below(tmp_path)
    assert paths == ["b b.JPG", "x/José.png", "x/y/日本.tif"]
    assert strays == {".heic": 2, ".mp4": 1, "no suffix": 1}


def test_a_link_back_into_the_tree_is_named_and_other_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "tree" / "x").mkdir(parents=True)
    (tmp_path / "tree" / "x" / "a.png").touch()
    (tmp_path / "tree" / "y").symlink_to(tmp_path / "tree" / "x")
    assert images_below(tmp_path / "tree")[0] == ["x/a.png", "y/a.png"]
    (tmp_path / "tree" / "x" / "back").symlink_to(tmp_path / "tree")
    with pytest.raises(DataError, match=r"x/back: links to a folder that it lies in"):
        images_below(tmp_path / "tree")


def test_names_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    try:
        (folder / os.fsdecode(b"Jos\xe9.jpg")).touch()  # unpacked without the archive's code page
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    with pytest.raises(DataError, match=r"found the name 'Jos\\xe9\.jpg', which is not UTF-8"):
        images_below(tmp_path)


def test_folder_of_a_dataset_in_any_case(tmp_path: Path) -> None:
    assert folder_called("lfw", tmp_path) is None
    (tmp_path / "LFW").mkdir()
    assert folder_called("lfw", tmp_path) == tmp_path / "LFW"
    (tmp_path / "Lfw").touch()
    if not (tmp_path / "lfw").exists():  # a file system that tells upper from lower case
        (tmp_path / "lfw").mkdir()
        with pytest.raises(DataError, match="found the folders LFW and lfw; expected one of them"):
            folder_called("lfw", tmp_path)
