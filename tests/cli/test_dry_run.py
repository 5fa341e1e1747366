"""Options as a dry run prints them: aligned, grouped, whole."""

from pathlib import Path
from typing import Any

import pytest

from facebench.cli.dry_run import (
    method_title,
    own_settings,
    settings_lines,
    shared_settings,
    value_text,
)
from facebench.registry import Registry
from facebench.request.resolve import Request, resolve_with_origins


def test_lines_are_aligned_within_a_group_and_groups_stand_apart() -> None:
    settings = {
        "a.x": (1, "default"), "a.longer": ("f_s", "method"),
        "b.lrs": ((0.1, 1e-05), "--set b.lrs=0.1,1e-5"),
    }  # fmt: skip
    lines = list(settings_lines(settings))
    assert [line.plain for line in lines] == [
        "  a.x       1    default",
        "  a.longer  f_s  method",
        "",
        "  b.lrs     0.1,1e-05  --set b.lrs=0.1,1e-5",
    ]
    assert [bool(line.style) for line in lines] == [True, False, False, False]  # default: dimmed
    assert list(settings_lines({})) == []


def test_a_long_value_is_whole_and_moves_no_other_origin() -> None:
    path = "/data/" + "x" * 300
    first, second = settings_lines({"a.x": (path, "[flag]"), "a.y": (2, "default")})
    assert first.plain == f"  a.x  {path}  [flag]"
    assert second.plain == "  a.y  2  default"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, "none"), ("", '""'), ((), '""'), ((1, 2.5), "1,2.5"), (1e-4, "0.0001")],
)
def test_values_stand_as_set_reads_them(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_tasks_share_what_does_not_differ(plugin: Path) -> None:
    registry = Registry((plugin,))
    request = Request(
        methods=("simclr",), tasks=("lfw", "tiny"), overrides={}, backbone="tinynet", floors=False,
        limit=9, dedup_test=True,
    )  # fmt: skip
    lfw, tiny = resolve_with_origins(request, registry)
    shared = shared_settings([lfw, tiny])
    own = own_settings(tiny, shared)
    assert own == {"extract.image_size": (32, "task")}
    assert {**shared, **own} == tiny.settings()
    assert shared_settings([tiny]) == tiny.settings()
    assert method_title(tiny.spec) == (
        "simclr (tinynet, preset quick, precision 32, limit 9, dedup_test)"
    )
