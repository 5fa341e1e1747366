"""300W-LP and AFLW2000-3D: angles, layouts, and every way in which a folder can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from facebench.data.dataset import open_dataset
from facebench.errors import DataError, SpecError
from facebench_tasks._mat import read_mat
from facebench_tasks.aflw2000 import AFLW2000, AFLW2000Options

POINTS = np.array([[100.0, 300.0, -1.0], [150.0, 350.0, 452.0]])


def sample(image: Path, *, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> None:
    """Write an image and its .mat, angles in degrees."""
    image.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (450, 450), (90, 60, 30)).save(image)
    pose = np.radians([[pitch, yaw, roll, 0, 0, 0, 0]]).astype(np.float32)
    savemat(image.with_suffix(".mat"), {"Pose_Para": pose, "pt2d": POINTS, "Exp_Para": np.zeros(9)})


def both(root: Path, train: str = "300W_LP", test: str = "AFLW2000") -> Path:
    for flip, sign in (("", 1), ("_Flip", -1)):
        for name in ("AFW", "HELEN", "IBUG", "LFPW"):
            for copy in (0, 10):
                sample(root / train / f"{name}{flip}/{name}_7_1_{copy}.jpg", yaw=sign * (5 + copy))
    sample(root / test / "image00002.jpg", yaw=-30, pitch=20, roll=10)
    return root


def warnings(root: Path) -> list[str]:
    """Return what the table says, but for the number of images, which these folders never have."""
    warnings: list[str] = AFLW2000().manifest(root).attrs["warnings"]
    assert [text for text in warnings if "expected 122,450" in text]
    return [text for text in warnings if "expected 122,450" not in text]


def packed(folder: Path, name: str, poses: list[tuple[float, float, float]]) -> None:
    """Write FSA-Net's form: blue-green-red images whose first channel counts them."""
    images = np.zeros((len(poses), 64, 64, 3), np.uint8)
    images[..., 0] = np.arange(len(poses))[:, None, None] + 100
    images[..., 2] = 7
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", image=images, pose=np.array(poses), img_size=64)


def test_angles_are_degrees_in_the_order_of_the_targets(tmp_path: Path) -> None:
    sample(tmp_path / "a.jpg", yaw=-54.7, pitch=7.0, roll=-14.6)
    pose = read_mat(tmp_path / "a.mat")
    np.testing.assert_allclose(pose[:3], (-54.7, 7.0, -14.6), atol=1e-5)
    np.testing.assert_array_equal(pose.points, POINTS)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("300W_LP", "AFLW2000"),
        ("300W-LP", "AFLW2000-3D"),
        ("300W-LP/300W_LP", "AFLW2000-3D/AFLW2000"),
        ("300w_lp", "aflw2000"),
        (".", "AFLW2000"),
    ],
)
def test_layouts(tmp_path: Path, train: str, test: str) -> None:
    table = AFLW2000().manifest(both(tmp_path, train, test))
    assert table["split"].value_counts().to_dict() == {"train": 16, "test": 1}
    assert warnings(tmp_path) == []
    row = table.iloc[-1]
    assert row["path"] == (Path(test) / "image00002.jpg").as_posix()
    np.testing.assert_allclose(
        row[["yaw", "pitch", "roll"]].astype(float), (-30, 20, 10), atol=1e-4
    )
    assert (row["left"], row["top"], row["right"], row["bottom"]) == (0, 30, 420, 449)
    assert AFLW2000().read_image(tmp_path, row["path"]).shape == (450, 450, 3)


def test_copies_and_mirrors_of_a_photograph_are_one_subject(tmp_path: Path) -> None:
    table = AFLW2000().manifest(both(tmp_path))
    train = table[table["split"] == "train"]
    sizes = train.groupby("subject").size().to_dict()
    assert sizes == {f"{name}/{name}_7_1": 4 for name in ("AFW", "HELEN", "IBUG", "LFPW")}
    assert not set(train["subject"]) & set(table.loc[table["split"] == "test", "subject"])
    yaws = dict(zip(train["path"], train["yaw"], strict=True))
    assert yaws["300W_LP/AFW/AFW_7_1_10.jpg"] == -yaws["300W_LP/AFW_Flip/AFW_7_1_10.jpg"] > 0


@pytest.mark.parametrize("axis", ["yaw", "pitch", "roll"])
def test_angles_beyond_99_degrees_are_left_out_and_counted(tmp_path: Path, axis: str) -> None:
    both(tmp_path)
    for number, angle in enumerate((98.9, -98.9, 99.1, -99.1), start=10):
        sample(tmp_path / f"AFLW2000/image{number:05d}.jpg", **{axis: angle})
    table = AFLW2000().manifest(tmp_path)
    kept = table.loc[table["split"] == "test", "path"].tolist()
    assert kept == [f"AFLW2000/image{n:05d}.jpg" for n in (2, 10, 11)]
    assert warnings(tmp_path) == [
        "AFLW2000: 2 of 5 images left out: an angle beyond 99 degrees, as in published protocols."
    ]


def test_extra_folders_are_not_read_and_strays_are_named(tmp_path: Path) -> None:
    both(tmp_path)
    savemat(tmp_path / "300W_LP/landmarks.mat", {"pts_2d": POINTS})
    for folder in ("300W_LP/landmarks/AFW", "300W_LP/Code", "AFLW2000/Code"):
        (tmp_path / folder).mkdir(parents=True)
        savemat(tmp_path / folder / "AFW_7_1_0_pts.mat", {"pts_2d": POINTS})
    assert warnings(tmp_path) == []
    (tmp_path / "300W_LP/AFW/old.mov").touch()
    (warning,) = warnings(tmp_path)
    assert warning.endswith("the dataset's: 300W_LP/AFW/old.mov.")


def test_missing_collections_are_named(tmp_path: Path) -> None:
    both(tmp_path)
    (tmp_path / "300W_LP/IBUG_Flip").rename(tmp_path / "300W_LP/elsewhere")
    (warning,) = warnings(tmp_path)
    assert "lacks IBUG_Flip; expected all eight" in warning


def test_one_of_two_datasets(tmp_path: Path) -> None:
    sample(tmp_path / "AFLW2000/image00002.jpg")
    with pytest.raises(DataError, match=r"(?s)300W-LP \(AFW.*is missing\. It holds AFLW2000;"):
        AFLW2000().manifest(tmp_path)
    with pytest.raises(DataError, match="300W-LP .* is missing and AFLW2000 .* is missing"):
        AFLW2000().manifest(tmp_path / "nowhere")


def test_data_folder_with_the_parts_is_found_and_never_replaced(tmp_path: Path) -> None:
    data = both(tmp_path / "data")
    dataset = open_dataset(AFLW2000(), data, tmp_path / "cache")
    assert (dataset.root, dataset.synthetic) == (data, False)
    (data / "300W_LP").rename(data / "other")
    with pytest.raises(DataError, match="300W-LP .* is missing"):
        open_dataset(AFLW2000(), data, tmp_path / "cache")


def test_datasets_of_300w_beside_it_are_others(tmp_path: Path) -> None:
    both(tmp_path)
    (tmp_path / "HELEN").mkdir()
    (tmp_path / "HELEN/1.pts").touch()
    assert len(AFLW2000().manifest(tmp_path)) == 17


def test_two_copies_of_a_dataset_are_refused(tmp_path: Path) -> None:
    both(tmp_path)
    both(tmp_path, "300W-LP", "AFLW2000-3D")
    with pytest.raises(DataError, match="found 300W_LP in .*; expected one of them"):
        AFLW2000().manifest(tmp_path)


def test_image_without_mat_and_mat_without_image(tmp_path: Path) -> None:
    both(tmp_path)
    (tmp_path / "300W_LP/AFW/AFW_7_1_0.mat").unlink()
    (tmp_path / "300W_LP/AFW/AFW_7_1_10.jpg").unlink()
    with pytest.raises(DataError, match=r"AFW: 2 of 2 images lack .*AFW_7_1_0, AFW_7_1_10"):
        AFLW2000().manifest(tmp_path)


def test_two_images_of_one_stem(tmp_path: Path) -> None:
    both(tmp_path)
    (tmp_path / "AFLW2000/image00002.png").touch()
    with pytest.raises(DataError, match=r"found image00002\.jpg and image00002\.png"):
        AFLW2000().manifest(tmp_path)


def test_broken_image_is_refused_when_it_is_read(tmp_path: Path) -> None:
    both(tmp_path)
    (tmp_path / "AFLW2000/image00002.jpg").write_bytes(b"")
    table = AFLW2000().manifest(tmp_path)
    with pytest.raises(DataError, match=r"image00002\.jpg: .*empty"):
        AFLW2000().read_image(tmp_path, table["path"].iloc[-1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"pt2d": POINTS}, "Pose_Para: found nothing"),
        ({"Pose_Para": np.zeros((1, 7))}, "pt2d: found nothing"),
        ({"Pose_Para": np.zeros((7, 1)), "pt2d": POINTS}, r"Pose_Para: found the shape \(7, 1\)"),
        ({"Pose_Para": np.zeros((1, 7)), "pt2d": POINTS.T}, r"pt2d: found the shape \(3, 2\)"),
        ({"Pose_Para": np.full((1, 7), np.nan), "pt2d": POINTS}, "Pose_Para: found values that"),
        ({"Pose_Para": "seven", "pt2d": POINTS}, "Pose_Para is not an array of real"),
        (
            {"Pose_Para": np.zeros((1, 7), complex) + 1j, "pt2d": POINTS},
            "Pose_Para is not an array of real",
        ),
    ],
)
def test_malformed_mat_names_file_and_variable(
    tmp_path: Path, content: dict[str, object], message: str
) -> None:
    savemat(tmp_path / "x.mat", content)
    with pytest.raises(DataError, match=rf"x\.mat: .*{message}"):
        read_mat(tmp_path / "x.mat")


def test_options(tmp_path: Path) -> None:
    root = both(tmp_path)
    tight = AFLW2000(AFLW2000Options(margin=0.0)).manifest(root).iloc[-1]
    assert tight[["left", "top", "right", "bottom"]].tolist() == [100, 150, 300, 350]
    wide = AFLW2000(AFLW2000Options(crop="hopenet", margin=0.5)).manifest(root).iloc[-1]
    assert wide[["left", "top", "right", "bottom"]].tolist() == [40, -50, 378, 470]
    with pytest.raises(SpecError, match=r"aflw2000\.margin is -1"):
        AFLW2000Options(margin=-1)
    with pytest.raises(SpecError, match=r"aflw2000\.crop is 'mtcnn'; expected one of fsanet"):
        AFLW2000Options(crop="mtcnn")  # type: ignore[arg-type]


def test_no_visible_landmark_is_an_error(tmp_path: Path) -> None:
    both(tmp_path)
    hidden = {"Pose_Para": np.zeros((1, 7)), "pt2d": np.tile([[-1.0], [452.0]], 21)}
    savemat(tmp_path / "AFLW2000/image00002.mat", hidden)
    with pytest.raises(DataError, match=r"image00002\.mat: pt2d: found no two landmarks"):
        AFLW2000().manifest(tmp_path)


def test_fsanet_files(tmp_path: Path) -> None:
    root = tmp_path / "headpose"
    for name in ("AFW", "HELEN", "IBUG", "LFPW"):
        packed(root, name, [(10, 20, 30), (-100, 0, 0), (1, 2, 3)])
        packed(root, f"{name}_Flip", [(-10, 20, -30), (100, 0, 0), (-1, 2, -3)])
    packed(root, "AFLW2000", [(5, 6, 7)])
    dataset = open_dataset(AFLW2000(), tmp_path, tmp_path / "cache")
    table = dataset.table
    assert dataset.counts == {"train": 16, "test": 1}
    assert dataset.warnings[0].startswith("300W-LP: found 24 images before the filter")
    assert dataset.warnings[1].startswith("300W-LP: 8 of 24 images left out")
    first = table.iloc[0]
    assert first["path"] == "AFW.npz#0"
    assert first[["yaw", "pitch", "roll"]].tolist() == [10, 20, 30]
    mirrored = table.set_index("path").loc["AFW_Flip.npz#0", "subject"]
    assert mirrored == first["subject"]
    assert (dataset.image(1, 64) == (7, 0, 102)).all()  # item 2, from BGR to RGB
    assert dataset.task.read_image(dataset.root, "AFLW2000.npz#0")[0, 0].tolist() == [7, 0, 100]
    with pytest.raises(DataError, match=r"AFLW2000\.npz: no image 1; expected 0 to 0"):
        dataset.task.read_image(dataset.root, "AFLW2000.npz#1")


def test_fsanet_files_that_cannot_be_read(tmp_path: Path) -> None:
    both(tmp_path)
    (tmp_path / "AFLW2000/image00002.mat").unlink()
    file = tmp_path / "AFLW2000/AFLW2000.npz"
    image = np.zeros((2, 64, 64, 3), np.uint8)
    for content, message in (
        ({"pose": np.zeros((2, 3))}, "not a readable npz file"),
        ({"image": image}, "not a readable npz file"),
        ({"image": image, "pose": np.zeros((1, 3))}, r"pose: found float64 \(1, 3\) for 2 images"),
        ({"image": image[..., 0], "pose": np.zeros((2, 3))}, r"image: found uint8 \(2, 64, 64\)"),
        ({"image": image, "pose": np.array([[0, 0, None]] * 2)}, "not a readable npz file"),
    ):
        np.savez(file, **content)
        with pytest.raises(DataError, match=rf"AFLW2000\.npz: {message}"):
            AFLW2000().manifest(tmp_path)
    np.savez_compressed(file, image=image, pose=np.zeros((2, 3)))
    with pytest.raises(DataError, match="it is compressed; write it again"):
        AFLW2000().manifest(tmp_path)
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(DataError, match="not a readable npz file"):
        AFLW2000().manifest(tmp_path)
