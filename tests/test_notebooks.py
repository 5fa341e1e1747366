"""The notebooks of the documentation: they run from top to bottom, and hold no output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


def opened(path: Path) -> Any:
    library: Any = nbformat  # its functions are not typed
    notebook = library.read(path, as_version=4)
    library.validate(notebook)
    return notebook


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_output(path: Path) -> None:
    cells = [cell for cell in opened(path).cells if cell.cell_type == "code"]
    assert len(cells) > 3
    assert all(cell.execution_count is None and cell.outputs == [] for cell in cells)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["judge_your_model"])  # nightly all of them run in Jupyter
def test_a_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells by IPython in this process, which has imported torch already."""
    (path,) = (one for one in NOTEBOOKS if one.stem == name)
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACEBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    library: Any = InteractiveShell  # its functions are not typed
    shell, shown = library(), []
    for cell in opened(path).cells:
        if cell.cell_type == "code":
            done = shell.run_cell(cell.source)
            done.raise_error()
            shown += [done.result] if done.result is not None else []
    check(tmp_path, shown)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the Jupyter client
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_jupyter(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACEBENCH_DATA", raising=False)
    notebook = opened(path)
    NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code"
             for output in cell.outputs if output.output_type == "execute_result"]  # fmt: skip
    check(tmp_path, shown)


def check(folder: Path, shown: list[Any]) -> None:
    assert len(shown) >= 3
    assert list((folder / "results" / "runs" / "fer2013").glob("*.json"))
