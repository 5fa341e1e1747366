"""A task that breaks its contract is named, with what is wrong in its table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tiny_tasks import Pairs, Tiny, opened, write_pairs

from facebench.data.dataset import open_dataset
from facebench.errors import DataError, PluginError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="split"), r"manifest\(\) lacks the columns \['split'\]"),
        (lambda t: t.drop(columns="label"), r"manifest\(\) lacks the columns \['label'\]"),
        (lambda t: t.assign(split="dev"), r"splits \['dev'\]; expected some of"),
        (lambda t: t.assign(path="a.png"), r"has 'a.png' twice"),
        (lambda t: t.assign(path=range(len(t))), r"'path' of manifest\(\) is int64"),
        (
            lambda t: t.assign(path="/" + t["path"]),
            r"the path '/train0.png'; expected a path below",
        ),
        (lambda t: t.assign(path="../" + t["path"]), "a path below the folder"),
        (lambda t: t.assign(path="a\\" + t["path"]), "a path below the folder"),
        (lambda t: t.assign(label=t["label"] + 1), "labels from 1 to 3; expected 0 to 2"),
        (lambda t: t.assign(label=t["label"] * 1.0), "is float64; expected int"),
        (lambda t: t.assign(left=0), r"lacks the columns \['top', 'right', 'bottom'\]"),
        (lambda t: t.assign(left=5, top=0, right=5, bottom=1), "crop of train0.png is empty"),
        (lambda t: t.assign(left=0.5, top=0, right=5, bottom=1), "'left' .* is float64"),
        (lambda t: [1], "returned list"),
    ],
)
def test_broken_manifest(
    tiny_faces: Path, monkeypatch: pytest.MonkeyPatch, change: Any, message: str
) -> None:
    monkeypatch.setattr(Tiny, "manifest", lambda self, root: change(pd.read_csv(root / "list.csv")))
    with pytest.raises(PluginError, match=rf"task 'tiny' breaks its contract: .*{message}"):
        opened(tiny_faces)


def test_empty_split_is_an_incomplete_download(tiny_faces: Path) -> None:
    table = pd.read_csv(tiny_faces / "list.csv")
    table[table["split"] == "train"].to_csv(tiny_faces / "list.csv", index=False)
    with pytest.raises(DataError, match="found no images for the split 'test'; expected 6"):
        opened(tiny_faces)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.drop(columns="fold"), r"pairs\(\) lacks the columns \['fold'\]"),
        (lambda p: p.assign(same=1), "'same' of .* is int64; expected bool"),
        (lambda p: p.assign(first="x.png"), "names 'x.png', which"),
        (lambda p: p.assign(fold=0), r"has the folds \[0\]"),
        (lambda p: p.assign(fold=p["fold"] + 1), r"has the folds \[1, 2\]"),
        (lambda p: p.assign(fold="a"), "'fold' of"),
        (lambda p: p.assign(same=p["fold"] == 1), "fold 0 has pairs of one kind"),
    ],
)
def test_broken_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, message: str
) -> None:
    (tmp_path / "tiny").mkdir()
    write_pairs(tmp_path / "tiny")
    monkeypatch.setattr(Pairs, "pairs", lambda self, root: change(pd.read_csv(root / "pairs.csv")))
    with pytest.raises(PluginError, match=rf"task 'pairs' breaks its contract: .*{message}"):
        open_dataset(Pairs(), tmp_path, tmp_path / "cache")
