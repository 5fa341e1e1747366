"""From the folders of a video tree to names of people."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facebench.data.sources import folder_source
from facebench.data.speakers import name_identities, speaker_folders, speaker_names
from facebench.errors import DataError

META = (
    "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid10001\tA.J._Buckley\tm\tIreland\tdev\n"
)


def tree(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(root / path)
    return root


@pytest.mark.parametrize("place", ["voxceleb/vox1_meta.csv", "vox1_meta.csv"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_ids_get_their_names(tmp_path: Path, place: str, ending: str) -> None:
    root = tree(tmp_path / "voxceleb", "id10001/v/1/1.png", "id10002/v/1/1.png", "Ann_Lee/v/1.png")
    (tmp_path / place).write_bytes(b"\xef\xbb\xbf" + META.replace("\n", ending).encode())
    source = folder_source(root, tmp_path / "cache", form="video")
    assert source.subjects == ("Ann_Lee", "A.J._Buckley", "")
    assert source.limit(2).subjects in {("Ann_Lee", "A.J._Buckley"), ("Ann_Lee", ""),
                                        ("A.J._Buckley", "")}  # fmt: skip
    named = dict(zip(source.frames["path"], source.subjects, strict=True))
    small = source.limit(2)
    assert small.subjects == tuple(named[path] for path in small.frames["path"])


def test_names_do_not_change_the_fingerprint(tmp_path: Path) -> None:
    root = tree(tmp_path / "voxceleb", "id10001/v/1/1.png")
    before = folder_source(root, tmp_path / "cache", form="video")
    (root / "vox1_meta.csv").write_text(META)
    after = folder_source(root, tmp_path / "cache", form="video")
    assert (before.subjects, after.subjects) == (("",), ("A.J._Buckley",))
    assert before.fingerprint == after.fingerprint


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vox1_meta.csv").write_text("id,name\n1,2\n")
    with pytest.raises(DataError, match=r"vox1_meta\.csv: not the table of VoxCeleb1's speakers"):
        speaker_names(tmp_path)
    assert speaker_names(tmp_path / "deep" / "er") == {}


def test_folders_of_people_below_those_of_a_release(tmp_path: Path) -> None:
    root = tree(tmp_path / "v", "unzippedFaces/Ann_Lee/1.6/a/1/1.png", "dev/mp4/id1/a/1.png")
    (root / ".hidden").mkdir()
    assert sorted(speaker_folders(root)) == ["Ann_Lee", "id1"]
    assert name_identities(["id1", "idris elba", "ID22"], {"id1": "Bo"}) == ("Bo", "idris elba", "")
