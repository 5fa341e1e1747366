"""The printed numbers, cell by cell, against the tables of the paper in their own layout."""

from __future__ import annotations

import pytest

from facebench.report.reference import Printed, printed, printed_numbers

# Columns stand for (task, metric); a dash is an empty cell. "=" begins a section of the table.
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
}
PCL = "Liu et al., Pose-disentangled Contrastive Learning"
AUS = (1, 2, 4, 6, 9, 12, 25, 26)


def cells(number: int) -> list[tuple[str, str, str, float, str, bool]]:
    """Return the cells of a table in reading order, each as a printed number stands in the data."""
    heading, *rows = TABLES[number].replace("\n                      ", " ").strip().splitlines()
    columns = [name.split(":") for name in heading.split()[1:]]
    found, section = [], ""
    for row in rows:
        name, *values = row.split()
        if name == "=":
            section = values[0]
            continue
        for (task, metric), value in zip(columns, values, strict=True):
            if value != "-":
                method, star = name.rstrip("*"), name.endswith("*")
                found.append((method, task, metric, float(value), section, star))
    return found


def of_table(number: int) -> list[Printed]:
    return [n for n in printed_numbers() if n.table == number and n.paper.startswith(PCL)]


@pytest.mark.parametrize("number", TABLES)
def test_every_cell_is_the_printed_one(number: int) -> None:
    stored = [
        (n.method, n.task, n.metric, n.value, n.section, n.reproduced) for n in of_table(number)
    ]
    assert stored == cells(number)


def test_each_table_stands_on_one_page() -> None:
    assert {(n.table, n.page) for n in printed_numbers()} == {(1, 6), (2, 7), (3, 7), (4, 7)}


def test_the_published_number_comes_before_the_reproduced_one() -> None:
    assert [n.reproduced for n in of_table(3) if n.method == "TCAE" and n.metric == "f1"] == [
        False, True,
    ]  # fmt: skip
    number = printed("TCAE", "disfa", "f1")
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
