"""Every way in which data on the disk can differ from the data of the paper."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data_world import dataset_of, picture, save, squares
from facebench.audit.check import check_counts, check_data, check_pairs, check_targets
from facebench.audit.findings import Report, examples
from facebench.errors import DataError
from facebench.progress import Silent
from facebench.synth.marker import MARKER
from facebench.task import Metric, Task, TaskInfo


class World(Task):
    """Pictures of three classes: ``<split>/<label>_<n>.png``, 32 px."""

    info = TaskInfo(
        name="world", title="World", version=3, family="expression", dataset="World",
        licence="none", obtain="ask.", layout="train/0_1.png", folders=("world",),
        protocol="classification", image_size=32, image_side=32,
        main_metric=Metric(name="accuracy", title="Accuracy", higher_is_better=True),
        counts={"train": 9, "test": 6}, classes=("a", "b", "c"),
        class_counts={"train": (3, 3, 3), "test": (2, 2, 2)},
    )  # fmt: skip

    def manifest(self, root: Path) -> pd.DataFrame:
        files = sorted(root.glob("*/*.png"))
        if not files:
            raise DataError(f"World: no images below {root}.")
        return pd.DataFrame(
            {
                "path": [file.relative_to(root).as_posix() for file in files],
                "split": [file.parent.name for file in files],
                "label": [int(file.name[0]) for file in files],
            }
        )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data/world"
    for seed in range(15):
        split, n = ("train", seed) if seed < 9 else ("test", seed - 9)
        save(root, f"{split}/{n % 3}_{n}.png", picture(seed))
    return root


def report_on(root: Path) -> Report:
    return check_data(World(), root.parent, root.parent.parent / "cache", Silent())


def lines(report: Report, status: str) -> list[tuple[str, str]]:
    return [(f.check, f.text) for f in report.findings if f.status == status]


def test_the_expected_data_pass(root: Path) -> None:
    report = report_on(root)
    assert report.passed
    assert {finding.status for finding in report.findings} == {"ok"}
    assert lines(report, "ok") == [
        ("layout", str(root)),
        ("counts", "9 train images, as officially"),
        ("counts", "6 test images, as officially"),
        ("classes", "train: a 3, b 3, c 3, as officially"),
        ("classes", "test: a 2, b 2, c 2, as officially"),
        ("images", "all 15 can be read"),
        ("sizes", "32 x 32 px: 15"),
        ("leaks", "no image is in two splits"),
        ("fingerprint", report.fingerprint),
    ]
    record = report.record()
    assert (record["format"], record["passed"], record["version"]) == (1, True, 3)
    assert record["counts"] == {"train": 9, "test": 6}
    assert record["leaks"]["exact"] == 0


def test_a_missing_image_is_a_problem_of_split_and_class(root: Path) -> None:
    (root / "train/1_4.png").unlink()
    report = report_on(root)
    assert not report.passed
    assert lines(report, "problem") == [
        ("counts", "8 train images; expected 9"),
        ("classes", "train: a 3, b 2, c 3; expected 3, 3, 3"),
    ]


def test_a_relabelled_image_is_a_problem_although_counts_agree(root: Path) -> None:
    (root / "train/1_4.png").rename(root / "train/0_4.png")
    assert lines(report_on(root), "problem") == [
        ("classes", "train: a 4, b 2, c 3; expected 3, 3, 3")
    ]


def test_a_class_without_images(root: Path) -> None:
    for path in root.glob("test/1_*.png"):
        path.rename(path.with_name(path.name.replace("1_", "2_")))
    ((_, text),) = lines(report_on(root), "problem")
    assert text == "test: a 2, b 0, c 4; expected some of every class"


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"text"])
def test_unreadable_images_are_named(root: Path, content: bytes) -> None:
    (root / "test/0_3.png").write_bytes(content)
    ((check, text),) = lines(report_on(root), "problem")
    assert check == "images"
    assert text.startswith("1 of 15 cannot be read: ")
    assert "test/0_3.png" in text


def test_a_truncated_image_is_unreadable(root: Path) -> None:
    whole = (root / "test/0_3.png").read_bytes()
    (root / "test/0_3.png").write_bytes(whole[: len(whole) // 2])
    ((check, _),) = lines(report_on(root), "problem")
    assert check == "images"


def test_images_of_another_size(root: Path) -> None:
    save(root, "test/0_3.png", picture(40, side=31))
    assert lines(report_on(root), "problem") == [
        ("sizes", "32 x 32 px: 14, 31 x 31 px: 1; expected 32 x 32 px, not test/0_3.png")
    ]


def test_duplicates_and_blank_images_are_warnings(root: Path) -> None:
    save(root, "test/0_3.png", picture(1))  # train/1_1.png: another class
    save(root, "train/2_8.png", np.full((32, 32, 3), 7, np.uint8))
    report = report_on(root)
    assert report.passed
    assert lines(report, "warning") == [
        ("images", "1 images are blank: train/2_8.png"),
        ("leaks", "1 of 6 test images have a pixel-identical training image (16.7%)"),
        ("labels", "1 of 1 duplicates have another label in training"),
    ]


def test_near_duplicates_are_shown(root: Path) -> None:
    shifted = np.clip(picture(1).astype(int) + 3, 0, 255).astype(np.uint8)
    save(root, "test/0_3.png", shifted)
    assert lines(report_on(root), "warning") == [
        ("near", "1 other test images are nearly the same as one of training: "
                 "test/0_3.png ~ train/1_1.png")
    ]  # fmt: skip


def test_another_layout_is_a_problem_and_nothing_at_all_an_error(root: Path) -> None:
    for path in root.glob("*/*.png"):
        path.unlink()
    report = report_on(root)
    assert not report.passed
    assert lines(report, "problem") == [("layout", f"World: no images below {root}.")]
    with pytest.raises(DataError, match="World: found none of the folders world below"):
        check_data(World(), root.parent.parent, root / "cache", Silent())
    with pytest.raises(DataError, match="nothing to check: no data folder given"):
        check_data(World(), None, root / "cache", Silent())


def test_rendered_faces_need_no_official_counts(root: Path) -> None:
    (root / MARKER).touch()
    (root / "train/1_4.png").unlink()
    report = report_on(root)
    assert (report.passed, report.synthetic) == (True, True)
    assert ("layout", "SYNTHETIC faces; official counts do not apply to them") in lines(
        report, "warning"
    )


def test_folds_of_pairs(tmp_path: Path) -> None:
    table = squares(tmp_path, {"test": 4}).drop(columns="label")
    rows = [("test/0.png", "test/1.png", same, fold) for fold in (0, 1) for same in (True, False)]
    pairs = pd.DataFrame(rows, columns=["first", "second", "same", "fold"])
    dataset = dataset_of(tmp_path, table, pairs, protocol="verification", classes=())
    assert [finding.text for finding in check_pairs(dataset)] == [
        "2 folds of 1 same + 1 different", "all 2 images that pairs name are there"
    ]  # fmt: skip
    uneven = dataset_of(tmp_path, table, pairs.iloc[[0, 1, 1, 2, 3]], protocol="verification")
    assert [finding.status for finding in check_pairs(uneven)] == ["warning", "ok"]
    (images, counted) = check_counts(
        dataset_of(tmp_path, table, pairs, classes=(), counts={"test": 4, "pairs": 6})
    )
    assert (images.text, counted.text) == ("4 test images, as officially", "4 pairs; expected 6")


def test_targets(tmp_path: Path) -> None:
    table = squares(tmp_path, {"test": 4})
    multilabel: dict[str, Any] = {"protocol": "multilabel", "targets": ("AU1", "AU2")}
    labelled = table.assign(AU1=[0, 1, 0, 0], AU2=0, fold=[0, 0, 1, 1])
    found = list(check_targets(dataset_of(tmp_path, labelled, **multilabel)))
    assert [(finding.status, finding.text) for finding in found] == [
        ("ok", "AU1: 25.0% positive"),
        ("problem", "AU2: 0.0% positive; expected both kinds"),
        ("ok", "2 folds of 2, 2 images"),
    ]
    posed = table.assign(yaw=[-9.0, 3, 4, 98.5])
    (found_yaw,) = check_targets(
        dataset_of(tmp_path, posed, protocol="regression", targets=("yaw",))
    )
    assert found_yaw.text == "yaw: test -9.0 to 98.5"


def test_examples() -> None:
    assert examples(["a", "b", "c"]) == "a, b, c"
    assert examples(["a"] * 1005) == "a, a, a and 1,002 more"
