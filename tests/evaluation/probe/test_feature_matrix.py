"""Rows from memory, from disk and from both, against plain indexing of the same array."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facebench.errors import DataError
from facebench.evaluation.probe.disk_rows import ArrayFile, DiskRows
from facebench.evaluation.probe.feature_matrix import FeatureMatrix

ROWS, WIDTH = 50, 7
VALUES = np.random.default_rng(0).standard_normal((ROWS, WIDTH)).astype(np.float16)
ROW_BYTES = WIDTH * 2


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> np.memmap[Any, Any]:
    path = tmp_path_factory.mktemp("rows") / "features.npy"
    np.save(path, VALUES)
    values: np.memmap[Any, Any] = np.load(path, mmap_mode="r")
    return values


def on_disk(matrix: FeatureMatrix) -> bool:
    return isinstance(matrix._source, DiskRows)


def read(matrix: FeatureMatrix, index: list[int]) -> npt.NDArray[np.float32]:
    out = torch.full((len(index), matrix.width), torch.nan)
    matrix.gather(torch.tensor(index), out)
    return out.numpy()


@given(
    index=st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=30),
    in_memory=st.integers(0, ROWS),
)
def test_any_rows_in_any_order(
    mapped: np.memmap[Any, Any], index: list[int], in_memory: int
) -> None:
    matrix = FeatureMatrix(mapped, memory_budget=in_memory * ROW_BYTES)
    assert on_disk(matrix) == (in_memory < ROWS)
    assert np.array_equal(read(matrix, index), VALUES[index].astype(np.float32))


@pytest.mark.parametrize("in_memory", [0, 1, 20, 49, 50])
def test_blocks_are_all_rows_in_order(mapped: np.memmap[Any, Any], in_memory: int) -> None:
    matrix = FeatureMatrix(mapped, memory_budget=in_memory * ROW_BYTES)
    for size in (1, 7, 50, 64):
        found = np.full((ROWS, WIDTH), np.nan, np.float32)
        for where, block in matrix.blocks(size):
            found[where] = block.numpy()
        assert np.array_equal(found, VALUES.astype(np.float32))


@pytest.mark.parametrize("in_memory", [0, 20, 50])
def test_batches_are_read_ahead_and_stay_valid_until_the_next(
    mapped: np.memmap[Any, Any], in_memory: int
) -> None:
    rows = np.random.default_rng(1).permutation(ROWS)[:40]
    matrix = FeatureMatrix(FeatureMatrix(mapped, memory_budget=in_memory * ROW_BYTES), rows=rows)
    drawn: list[int] = []

    def indexes() -> Iterator[torch.Tensor]:
        for number, index in enumerate(torch.arange(40).flip(0).split(9)):
            drawn.append(number)
            yield index

    buffer = torch.empty(9, WIDTH)
    seen = 0
    for number, (index, values) in enumerate(matrix.batches(indexes(), buffer)):
        assert np.array_equal(values.numpy(), VALUES[rows[index.numpy()]].astype(np.float32))
        assert values.data_ptr() == buffer.data_ptr()
        values.fill_(torch.nan)  # batch normalisation writes into its batch
        assert len(drawn) == min(5, number + (2 if on_disk(matrix) else 1))
        seen += len(index)
    assert seen == 40


def test_matrices_made_of_a_matrix_share_its_memory(mapped: np.memmap[Any, Any]) -> None:
    for in_memory in (20, 50):
        whole = FeatureMatrix(mapped, memory_budget=in_memory * ROW_BYTES)
        part = FeatureMatrix(FeatureMatrix(whole, rows=[5, 40, 30]), rows=[2, 1])
        assert part._source is whole._source
        assert np.array_equal(read(part, [0, 1]), VALUES[[30, 40]].astype(np.float32))
    with pytest.raises(DataError, match="expected \\[n\\] integers from 0 to 1"):
        FeatureMatrix(part, rows=[2])


def test_views_of_a_map_are_read_where_they_lie(mapped: np.memmap[Any, Any]) -> None:
    for view in (mapped[10:30], mapped[10:30][5:]):
        file = ArrayFile.of(view)
        assert file is not None
        rows = FeatureMatrix(view, memory_budget=3 * ROW_BYTES)
        assert on_disk(rows)
        index = list(range(len(view)))[::-1]
        assert np.array_equal(read(rows, index), np.asarray(view)[index].astype(np.float32))
    for odd in (mapped[::2], mapped[:, 1:], mapped.T):
        assert ArrayFile.of(odd) is None
        rows = FeatureMatrix(odd, memory_budget=0)
        assert np.array_equal(read(rows, [3, 1]), np.asarray(odd)[[3, 1]].astype(np.float32))


def test_maps_that_are_not_the_file_are_read_as_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "big.npy", VALUES.astype(">f4"))
    np.save(tmp_path / "changed.npy", VALUES)
    changed = np.load(tmp_path / "changed.npy", mmap_mode="c")
    changed[3] = 1
    foreign = np.load(tmp_path / "big.npy", mmap_mode="r")
    for array in (changed, foreign):
        assert ArrayFile.of(array) is None
        rows = FeatureMatrix(array, memory_budget=0)
        assert np.array_equal(read(rows, [3, 9]), array[[3, 9]].astype(np.float32))


def test_a_file_that_went_away_or_shrank_is_named(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    np.save(path, VALUES)
    values = np.load(path, mmap_mode="r")
    rows = FeatureMatrix(values, memory_budget=0)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    assert np.array_equal(read(rows, [48]), VALUES[[48]].astype(np.float32))
    with pytest.raises(DataError, match="too short: found its end"):
        read(rows, [49])
    path.unlink()
    with pytest.raises(DataError, match="No such file"):
        FeatureMatrix(values, memory_budget=0)


def test_reading_from_disk_keeps_nothing_resident(tmp_path: Path) -> None:
    path, size = tmp_path / "features.npy", 96 * 2**20
    np.save(path, np.ones((768, 2**16), np.float16))
    values = np.load(path, mmap_mode="r")
    matrix = FeatureMatrix(values, memory_budget=size // 8)
    buffer = torch.empty(8, 2**16).fill_(0)
    before = psutil.Process().memory_info().rss
    for _, rows in matrix.batches(torch.randperm(768).split(8), buffer):
        assert rows[0, 0] == 1
    assert psutil.Process().memory_info().rss - before < size // 8


def test_open_files_and_threads_end_with_the_matrix(mapped: np.memmap[Any, Any]) -> None:
    file = ArrayFile.of(mapped)
    assert file is not None
    process = psutil.Process()
    descriptors = process.num_fds()
    rows = DiskRows(file, 0)
    generator = rows.batches(torch.arange(ROWS).split(5), torch.empty(5, WIDTH))
    next(generator)
    assert process.num_fds() == descriptors + 1
    del rows, generator
    deadline = time.monotonic() + 10  # the batch that was being read is finished first
    while process.num_fds() > descriptors and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.num_fds() == descriptors
