"""BU-3DFE: lists of PCL's form, subjects from paths, and every way in which they can be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facebench.data.dataset import Dataset, open_dataset
from facebench.errors import DataError, SpecError
from facebench.progress import Silent
from facebench.synth import Face, FaceSampler
from facebench_tasks import _synthetic_pose
from facebench_tasks.bu3dfe import BU3DFE, BU3DFEOptions, read_list, subject

THREE = BU3DFE(BU3DFEOptions(views=3))


def lines(people: list[str], views: int = 3) -> list[str]:
    return [f"{p}/{p}_AN01WH_v{v}.png,2,{v}" for p in people for v in range(views)]


def write(root: Path, lists: dict[str, list[str]], heading: str = "") -> Path:
    root.mkdir(exist_ok=True)
    for name, listed in lists.items():
        (root / name).write_text(heading + "\n".join(listed), encoding="utf-8")
        for line in listed:
            image = root / line.split(",")[0]
            image.parent.mkdir(exist_ok=True)
            Image.new("RGB", (4, 4)).save(image)
    return root


@pytest.mark.parametrize("heading", ["", "path,exp,pose\n", "img_path,exp_label,pose_label\r\n"])
@pytest.mark.parametrize("test", ["test.csv", "test.txt", "val.csv", "Test.CSV"])
def test_lists(tmp_path: Path, heading: str, test: str) -> None:
    write(tmp_path, {"train.csv": lines(["F0001", "M0002"]), test: lines(["F0003"])}, heading)
    table = THREE.manifest(tmp_path)
    assert table["path"].iloc[0] == "F0001/F0001_AN01WH_v0.png"
    assert table["label"].tolist() == [0, 1, 2] * 3
    assert table["split"].tolist() == ["train"] * 6 + ["test"] * 3
    assert table["subject"].tolist() == ["F0001"] * 3 + ["M0002"] * 3 + ["F0003"] * 3
    assert table.attrs == {}


def test_val_beside_test_is_for_choosing(tmp_path: Path) -> None:
    lists = {
        f"{name}.csv": lines([p])
        for name, p in (("train", "F0001"), ("val", "F0002"), ("test", "M0001"))
    }
    table = THREE.manifest(write(tmp_path, lists))
    assert table["split"].tolist() == ["train"] * 3 + ["val"] * 3 + ["test"] * 3


def test_missing_and_doubled_lists(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)no list train\.csv.*path,exp,pose.*binghamton"):
        THREE.manifest(tmp_path)
    write(tmp_path, {"train.csv": lines(["F0001"])})
    with pytest.raises(DataError, match=r"no list test\.csv"):
        THREE.manifest(tmp_path)
    write(tmp_path, {"train.txt": lines(["F0001"]), "test.csv": lines(["F0002"])})
    with pytest.raises(DataError, match=r"train\.csv and train\.txt are there"):
        THREE.manifest(tmp_path)


def test_people_in_both_lists_are_a_warning_that_is_kept(tmp_path: Path) -> None:
    train, test = lines(["F0001", "M0002"]), lines(["F0003"])
    both = [line.replace("v", "w") for line in lines(["M0002"])]
    write(tmp_path / "bu3dfe", {"train.csv": train, "test.csv": test + both})
    dataset = open_dataset(THREE, tmp_path, tmp_path / "cache")
    assert dataset.warnings[0] == (
        "BU-3DFE: 1 of 3 subjects are in more than one list: M0002; the accuracy is not one on "
        "new people."
    )
    assert [text.split("found")[1][:6] for text in dataset.warnings[1:]] == [" 6 tra", " 6 tes"]


def test_paths_without_subjects_are_a_warning(tmp_path: Path) -> None:
    train = [*lines(["F0001"]), "renders/one.png,0,1"]
    table = THREE.manifest(write(tmp_path, {"train.csv": train, "test.csv": lines(["F0002"])}))
    assert "subject" not in table
    (warning,) = table.attrs["warnings"]
    assert warning.startswith("BU-3DFE: 1 of 7 paths name no subject")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("F0001/F0001_AN01WH_F2D_v3.png", "F0001"),
        ("views/M0044_SU04BL.jpg", "M0044"),
        ("f0012_ha02am_v1.jpg", "F0012"),
        ("IMF0001.png", None),
        ("F00012.png", None),
        ("renders/image_17.png", None),
    ],
)
def test_subject_from_the_path(path: str, expected: str | None) -> None:
    assert subject(path) == expected


def test_number_of_views_has_to_be_said(tmp_path: Path) -> None:
    write(tmp_path, {"train.csv": lines(["F0001"], 5), "test.csv": lines(["F0002"], 4)})
    with pytest.raises(DataError, match=r"poses 0 to 4; expected 0 to 8\..*bu3dfe\.views=5"):
        BU3DFE().manifest(tmp_path)
    task = BU3DFE(BU3DFEOptions(views=5))
    assert task.manifest(tmp_path)["label"].max() == 4
    assert task.info.classes == ("view 0", "view 1", "view 2", "view 3", "view 4")
    assert len(BU3DFE.info.classes) == len(BU3DFE().info.classes) == 9
    with pytest.raises(SpecError, match=r"bu3dfe\.views is 1; expected a whole number of 2 to"):
        BU3DFEOptions(views=1)


def test_poses_counted_from_one_are_refused(tmp_path: Path) -> None:
    shifted = [f"{line[:-1]}{int(line[-1]) + 1}" for line in lines(["F0001"])]
    write(tmp_path, {"train.csv": shifted, "test.csv": lines(["F0002"])})
    with pytest.raises(DataError, match="no image of the poses 0; .*from 0 without gaps"):
        THREE.manifest(tmp_path)


def test_missing_images_are_counted(tmp_path: Path) -> None:
    write(tmp_path, {"train.csv": lines(["F0001"]), "test.csv": lines(["F0002"])})
    (tmp_path / "F0002/F0002_AN01WH_v1.png").unlink()
    with pytest.raises(DataError, match=r"1 of 6 images listed in train\.csv and test\.csv"):
        THREE.manifest(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "a.png",
        "a.png,0",
        "a.png,0,-1",
        "a.png,0,1.0",
        "a.png,0,٣",
        "a.png,0,left",
        "a.png,0,1000",
        "a.png,0,",
        ",0,1",
        "/data/a.png,0,1",
        "../a.png,0,1",
        "..\\a.png,0,1",
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "train.csv"
    path.write_text(f"b.png,0,0\n\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.csv:3: found .*; expected 'path,exp,pose'"):
        read_list(path)


def test_image_named_twice(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("a.png,0,0\n./a.png,0,1\n")
    with pytest.raises(DataError, match=r"train\.csv:2: found 'a\.png'; expected an image"):
        read_list(path)
    write(tmp_path, {"train.csv": lines(["F0001"]), "test.csv": lines(["F0001"])})
    with pytest.raises(DataError, match=r"test\.csv:1: found 'F0001/.*no line before has named"):
        THREE.manifest(tmp_path)


def test_empty_list(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("path,exp,pose\n")
    with pytest.raises(DataError, match="found no images"):
        read_list(path)


NAME = st.text(st.characters(categories=["L", "N"], include_characters=" ,_-"), min_size=1).map(
    lambda text: f"ä{text}.png"
)


@given(
    rows=st.lists(st.tuples(NAME, st.integers(0, 34)), min_size=1, unique_by=lambda row: row[0]),
    end=st.sampled_from(["\n", "\r\n", " \n", "\n\n", "\n \r\n"]),
    bom=st.booleans(),
    heading=st.booleans(),
    gap=st.sampled_from(["", " "]),
    slash=st.sampled_from(["/", "\\"]),
)
def test_any_form_of_a_list_is_parsed(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, int]],
    end: str,
    bom: bool,
    heading: bool,
    gap: str,
    slash: str,
) -> None:
    text = "".join(f"views{slash}{name}{gap},3,{gap}{pose}{end}" for name, pose in rows)
    text = f"path,exp,pose{end}" * heading + text
    path = tmp_path_factory.mktemp("list") / "train.csv"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())
    assert read_list(path) == [(f"views/{name}", pose) for name, pose in rows]


@given(text=st.text(max_size=200))
def test_any_text_is_parsed_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("list") / "train.csv"
    path.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(DataError, match="expected"):
        read_list(path)


@pytest.fixture(scope="module")
def stand_in(stand_ins: Path) -> Dataset:
    return open_dataset(BU3DFE(), None, stand_ins, scale=0.02)


def test_stand_in(stand_in: Dataset) -> None:
    assert stand_in.synthetic
    assert stand_in.warnings == ()
    assert stand_in.counts == {"train": 72, "test": 36}
    assert np.bincount(stand_in.table["label"]).tolist() == [12] * 9
    homes = stand_in.table.groupby("subject")["split"].unique()
    assert len(homes) == 3
    assert all(len(home) == 1 for home in homes)
    for path in stand_in.table["path"][:18]:
        image = stand_in.task.read_image(stand_in.root, path)
        assert image.shape == (128, 128, 3)
        assert image.std() > 5  # not blank


def test_views_show_the_side_that_they_say(stand_in: Dataset) -> None:
    """In a profile the back of the head fills the image, and black lies before the nose."""
    for view, nose in ((0, slice(-16, None)), (8, slice(None, 16))):
        paths = stand_in.table.loc[stand_in.table["label"] == view, "path"]
        images = [stand_in.task.read_image(stand_in.root, path) for path in paths]
        at_eyes = np.mean([image[40:70].mean(axis=(0, 2)) for image in images], axis=0)
        assert at_eyes[nose].mean() < at_eyes.mean() / 3


def test_stand_in_is_reproducible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same faces in the same places; that equal faces have equal pixels is tested there."""
    written: list[dict[str, Face]] = []

    def collect(items: Iterator[tuple[Path, Face]], size: int, **settings: object) -> None:
        written.append({path.name: face for path, face in items})

    monkeypatch.setattr(_synthetic_pose, "write_images", collect)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        BU3DFE().synthesise(tmp_path / name, FaceSampler(7), Silent(), 0.1)
    assert written[0] == written[1]
    for name in ("train.csv", "test.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    for name, face in written[0].items():
        view = int(Path(name).stem[-1])
        assert abs(face.pose.yaw - _synthetic_pose.VIEWS[view]) <= 6
