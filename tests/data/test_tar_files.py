"""Images in tar files are the images of a folder; hostile archives are refused in one line."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facebench.data.packed import pack
from facebench.data.sources import Source, open_source
from facebench.errors import DataError


def picture(index: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(index).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


CONTENTS = {f"id{n // 4}/v{n // 2}/{n:02}.png": picture(n) for n in range(12)}


def folder_of(root: Path) -> Path:
    for path, content in CONTENTS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / ".hidden.png").write_bytes(b"")
    (root / "notes.txt").write_bytes(b"")
    (root / "clip.mp4").write_bytes(b"")
    return root


def write(file: Path, members: Sequence[tuple[str, bytes]], **fields: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(content))
    return file


def opened(place: Path, cache: Path, form: str = "video") -> Source:
    return open_source(f"{form}:{place}", None, cache)


def test_a_tar_file_and_shards_are_the_folder(tmp_path: Path) -> None:
    cache, folder = tmp_path / "cache", folder_of(tmp_path / "faces")
    with tarfile.open(tmp_path / "faces.tar", "w") as archive:
        archive.add(folder, ".")
    backwards = list(reversed(CONTENTS.items()))
    for number in range(3):
        write(tmp_path / "shards" / f"{number:06}.tar", backwards[number::3])
    expected = opened(folder, cache)
    packed = pack(expected, 8, cache)
    for place in (tmp_path / "faces.tar", tmp_path / "shards"):
        source = opened(place, cache)
        assert source.fingerprint == expected.fingerprint
        assert source.frames.equals(expected.frames)
        assert source.digests == expected.digests
        for row in range(len(source)):
            np.testing.assert_array_equal(source.image(row, 8), expected.image(row, 8))
        assert pack(source, 8, cache).folder == packed.folder  # so runs share it, too
    assert opened(tmp_path / "faces.tar", cache).warnings[0].endswith("(.mp4 1)")
    assert opened(tmp_path / "faces.tar", cache).name == "faces"


def test_an_index_is_made_once_and_again_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, cache = write(tmp_path / "a.tar", [("x.png", picture(0))]), tmp_path / "cache"
    opened(file, cache, "images")
    monkeypatch.setattr("facebench.data.tar_files._members", lambda *args: pytest.fail("read"))
    assert len(opened(file, cache, "images")) == 1
    monkeypatch.undo()
    write(file, [("x.png", picture(0)), ("y.png", picture(1))])
    assert len(opened(file, cache, "images")) == 2


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "a/../../x.png", "a\\..\\x.png"])
def test_a_path_outside_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    file = write(tmp_path / "a.tar", [("fine.png", picture(0)), (name, picture(1))])
    with pytest.raises(DataError, match=r"a\.tar: member '.*x\.png' lies outside the archive"):
        opened(file, tmp_path / "cache", "images")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    file = write(tmp_path / "a.tar", [("x.png", b"")], type=kind, linkname="/etc/passwd")
    what = "no plain file" if kind == tarfile.CHRTYPE else "a link"
    with pytest.raises(DataError, match=rf"member 'x\.png' is {what}; expected images") as refused:
        opened(file, tmp_path / "cache", "images")
    assert "\n" not in str(refused.value)


def test_other_mistakes_are_one_line(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    whole = write(tmp_path / "whole" / "a.tar", [("x.png", picture(0)), ("y.png", picture(1))])
    cases: list[tuple[Path, str]] = []
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole.read_bytes()[:600])
    cases.append((cut, r"cut\.tar: ends within member 'x\.png'"))
    junk = tmp_path / "junk.tar"
    junk.write_bytes(b"no archive" * 100)
    cases.append((junk, r"junk\.tar: not a readable tar file"))
    packed = tmp_path / "a.tar.gz"
    packed.write_bytes(b"")
    cases.append((packed, "a compressed archive; expected .tar"))
    twice = tmp_path / "twice"
    write(twice / "0.tar", [("x.png", picture(0))])
    write(twice / "1.tar", [("x.png", picture(1))])
    cases.append((twice, r"0\.tar and 1\.tar: both have x\.png"))
    both = tmp_path / "both"
    write(both / "0.tar", [("x.png", picture(0))])
    (both / "z.png").write_bytes(picture(0))
    cases.append((both, r"has tar files, such as 0\.tar, and images, such as z\.png"))
    empty = write(tmp_path / "empty.tar", [("notes.txt", b"")])
    cases.append((empty, "found no images below"))
    cases.append((tmp_path / "none.tar", "no folder .*none.tar"))
    for place, message in cases:
        with pytest.raises(DataError, match=message) as refused:
            opened(place, cache, "images")
        assert "\n" not in str(refused.value)


def test_an_image_that_is_none_is_named_with_its_archive(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tar", [("x.png", b"not an image")])
    source = opened(file, tmp_path / "cache", "images")
    with pytest.raises(DataError, match=r"a\.tar/x\.png: not a readable image"):
        source.image(0, 8)
    write(file, [("x.png", picture(0))])
    with file.open("r+b") as stream:
        stream.truncate(100)
    with pytest.raises(DataError, match="it changed"):
        source.image(0, 8)
