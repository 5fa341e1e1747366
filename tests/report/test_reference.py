"""The printed numbers, cell by cell, against the tables of the paper in their own layout."""

from __future__ import annotations

import re

import pytest

from facebench.report.reference import (
    Printed,
    later_numbers,
    layouts,
    printed,
    printed_numbers,
    printed_table,
)

# Columns stand for (task, metric); a dash is an empty cell. "=" begins a section of the table; what
# follows a method in brackets is its setting.
TABLES = {
    1: """
        columns       fer2013:accuracy  rafdb:accuracy
        = supervised
        FSN           67.60  81.10
        ALT           69.85  84.50
        = self-supervised
        LBP           37.89  52.17
        HoG           45.47  63.53
        FAb-Net       46.98  66.72
        TCAE          45.05  65.32
        BMVC'20       47.61  58.86
        MoCo          47.24  68.32
        FaceCycle     48.76  71.01
        SimCLR*       49.51  71.06
        PCL           56.81  74.47
    """,
    2: """
        columns       lfw:accuracy  cplfw:accuracy
        = supervised
        VGG-Face      98.95  84.00
        SphereFace    99.42  81.40
        ArcFace       99.53  92.08
        = self-supervised
        LBP           72.44  -
        VGG           72.20  -
        MoCo*         65.88  57.82
        SimCLR*       75.97  62.25
        FaceCycle*    74.12  63.35
        PCL           79.72  64.61
    """,
    3: """
        columns       disfa:f1_au1 disfa:f1_au2 disfa:f1_au4 disfa:f1_au6 disfa:f1_au9
                      disfa:f1_au12 disfa:f1_au25 disfa:f1_au26 disfa:f1
        = supervised
        DRML          17.3  17.7  37.4  29.0  10.7  37.7  38.5  20.1  26.7
        EAC-Net       41.5  26.4  66.4  50.7  80.5  89.3  88.9  15.6  48.5
        JAA-Net       43.7  46.2  56.0  41.4  44.7  69.6  88.3  58.4  56.0
        = self-supervised
        SplitBrain    13.1  10.6  35.7  40.2  30.2  57.5  77.4  40.3  38.1
        DeformAE      17.6  12.3  46.7  43.5  26.0  62.7  64.8  47.6  40.1
        FAb-Net       15.5  16.2  43.2  50.4  23.2  69.6  72.4  42.4  41.6
        TCAE          15.1  16.2  50.5  48.7  23.3  72.1  72.4  42.4  45.0
        TCAE*         10.5  13.3  20.9  18.8   7.5  44.7  57.8   9.9  22.9
        FaceCycle*    26.4  10.2  37.3  21.5  25.0  71.8  84.2  34.7  38.9
        SimCLR*       40.5  46.9  53.8  33.5  24.9  74.7  85.0  35.6  49.4
        PCL           53.8  44.9  58.1  37.2  53.2  73.1  86.5  31.3  54.8
    """,
    4: """
        columns       aflw2000:mae_yaw aflw2000:mae_pitch aflw2000:mae_roll aflw2000:mae
                      bu3dfe:accuracy
        = self-supervised
        FaceCycle     11.70  12.76  12.94  12.47  98.82
        MoCo          28.49  16.29  15.55  20.11  75.33
        SimCLR        11.20  19.86  12.08  14.38  98.85
        PCL            9.86  16.59  10.62  12.36  98.95
    """,
    5: """
        columns       rafdb:accuracy
        = self-supervised
        SimCLR[baseline]                                  71.06
        PCL[L_dis]                                        71.47
        PCL[L_dis,_L_orth]                                72.39
        PCL[L_dis,_L_orth,_L_pose]                        73.73
        PCL[L_dis,_L_orth,_L_pose,_dynamic_weighting]     74.47
    """,
    6: """
        columns       rafdb:accuracy  bu3dfe:accuracy
        = self-supervised
        SimCLR[without_pose]  71.06  98.93
        SimCLR[with_pose]     73.17  98.85
        PCL[without_pose]     73.24  98.40
        PCL[with_pose]        73.73  98.95
    """,
    7: """
        columns       rafdb:accuracy  lfw:accuracy  disfa:f1
        = self-supervised
        PCL[F_f]        73.04  78.55  54.30
        PCL[F_p]        65.71  62.55  34.17
        PCL[F_s]        74.47  79.72  54.78
        PCL[F_f_+_F_p]  73.53  79.10  56.26
    """,
}
FACECYCLE = [
    """
        columns       fer2013:accuracy  rafdb:accuracy
        = self-supervised
        FaceCycle     48.76  71.01
        FAb-Net       46.98  66.72
        TCAE          45.05  65.32
        BMVC'20       47.61  58.86
    """,
    """
        columns       aflw2000:mae_yaw aflw2000:mae_pitch aflw2000:mae_roll
        = self-supervised
        FaceCycle     11.70  12.76  12.94
        FAb-Net       13.92  13.25  14.51
        TCAE          21.75  14.57  14.83
        BMVC'20       22.06  13.50  15.14
    """,
    """
        columns       lfw:accuracy  cplfw:accuracy
        = self-supervised
        FaceCycle     73.72  58.52
        VGG-like      71.48  -
        LBP           56.90  51.50
        HoG           62.73  51.73
    """,
]
PCL = "Liu et al., Pose-disentangled Contrastive Learning"
AUS = (1, 2, 4, 6, 9, 12, 25, 26)


Cell = tuple[str, str, str, str, float, str, bool]


def cells(table: str) -> list[Cell]:
    """Return the cells of a table in reading order, each as a printed number stands in the data."""
    heading, *rows = table.replace("\n                      ", " ").strip().splitlines()
    columns = [name.split(":") for name in heading.split()[1:]]
    found, section = [], ""
    for row in rows:
        name, *values = row.split()
        if name == "=":
            section = values[0]
            continue
        for (task, metric), value in zip(columns, values, strict=True):
            if value != "-":
                method, _, variant = name.rstrip("]").rstrip("*").partition("[")
                setting, star = variant.replace("_", " "), name.endswith("*")
                found.append((method, setting, task, metric, float(value), section, star))
    return found


def stored(numbers: list[Printed]) -> list[Cell]:
    return [
        (n.method, n.variant.replace("_", " "), n.task, n.metric, n.value, n.section, n.reproduced)
        for n in numbers
    ]


def of_table(number: int) -> list[Printed]:
    return [n for n in printed_numbers() if n.table == number and n.paper.startswith(PCL)]


@pytest.mark.parametrize("number", TABLES)
def test_every_cell_is_the_printed_one(number: int) -> None:
    assert stored(of_table(number)) == cells(TABLES[number])
    assert list(printed_table(number)) == of_table(number)


def test_every_number_of_facecycle_is_the_published_one() -> None:
    numbers = [n for n in printed_numbers() if n.short == "FaceCycle, ICCV 2021"]
    assert stored(numbers) == [cell for table in FACECYCLE for cell in cells(table)]
    assert {(n.table, n.page) for n in numbers} == {(None, None)}
    assert all("README" in n.source for n in numbers)


@pytest.mark.wheel
def test_nothing_else_is_stored() -> None:
    tables = [*TABLES.values(), *FACECYCLE]
    assert len(printed_numbers()) == sum(len(cells(table)) for table in tables)


def test_every_number_of_a_later_method_is_the_one_of_its_source() -> None:
    """As the papers' tables print them, or the authors' repositories; FRA's prints none."""
    assert {n.method: (n.value, n.variant, n.table) for n in later_numbers()} == {
        "BYOL": (74.3, "ResNet-50, 1000 epochs", 1),
        "SimSiam": (68.1, "ResNet-50, 100 epochs", 4),
        "VICReg": (73.2, "ResNet-50", None),
        "Barlow Twins": (73.2, "ResNet-50, 1000 epochs", 1),
        "DINO": (75.3, "ResNet-50", 2),
        "MAE": (68.0, "ViT-B", None),
    }
    for number in later_numbers():
        assert re.search(r"\.md, github\.com/[\w-]+/[\w-]+, commit [0-9a-f]{40}", number.source)
        assert (number.task, number.metric) == ("imagenet", "top1")


def test_a_later_method_is_not_printed_in_a_table_of_the_paper() -> None:
    assert layouts()["modern"].unprinted == ("FRA",)
    titles = {"FRA", *(number.method for number in later_numbers())}
    assert not titles & {number.method for number in printed_numbers()}


def test_each_table_stands_on_one_page() -> None:
    pages = {(n.table, n.page) for n in printed_numbers() if n.paper.startswith(PCL)}
    assert pages == {(1, 6), (2, 7), (3, 7), (4, 7), (5, 7), (6, 7), (7, 8)}


def test_neither_an_ablation_nor_another_paper_is_what_was_printed_for_a_method() -> None:
    for task, value in (("rafdb", 74.47), ("lfw", 79.72)):
        number = printed("PCL", task, "accuracy", {})
        assert number is not None
        assert (number.value, number.variant) == (value, "")
    number = printed("FaceCycle", "lfw", "accuracy", {})
    assert number is not None
    assert (number.value, number.reproduced) == (74.12, True)
    assert printed("HoG", "lfw", "accuracy", {}) is None
    assert not any(number.variant for number in printed_table())


def test_ablations_agree_with_the_tables_that_they_take_up() -> None:
    """The baseline of Table 5 is Table 1's SimCLR, its last row PCL; F_s of Table 7 is PCL."""
    first = {n.variant: n.value for n in of_table(5)}
    assert next(iter(first.values())) == 71.06
    assert list(first.values())[-1] == 74.47
    whole = {n.task: n.value for n in of_table(7) if n.variant == "F_s"}
    assert (whole["rafdb"], whole["lfw"], round(whole["disfa"], 1)) == (74.47, 79.72, 54.8)
    posed = {(n.method, n.variant): n.value for n in of_table(6) if n.task == "rafdb"}
    assert posed["PCL", "with pose"] == first["L_dis, L_orth, L_pose"]


def test_the_published_number_comes_before_the_reproduced_one() -> None:
    assert [n.reproduced for n in of_table(3) if n.method == "TCAE" and n.metric == "f1"] == [
        False, True,
    ]  # fmt: skip
    number = printed("TCAE", "disfa", "f1", {})
    assert number is not None
    assert number.value == 45.0


def test_averages_are_means_where_the_paper_adds_up() -> None:
    rows: dict[tuple[str, bool, str], dict[str, float]] = {}
    for n in of_table(3) + of_table(4):
        rows.setdefault((n.method, n.reproduced, n.task), {})[n.metric] = n.value
    astray = []
    for row, values in rows.items():
        if row[2] == "bu3dfe":
            continue
        average = values.pop("f1" if row[2] == "disfa" else "mae")
        assert len(values) == (len(AUS) if row[2] == "disfa" else 3)
        rounding = 0.06 if row[2] == "disfa" else 0.006  # one decimal, or two, cut or rounded
        if abs(sum(values.values()) / len(values) - average) > rounding:
            astray.append(row)
    assert astray == [(name, False, "disfa") for name in ("DRML", "EAC-Net", "TCAE")]
