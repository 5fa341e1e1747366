"""Bad options, files and places: each ends with status 2 and one line, and nothing is written."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from conftest import environment
from facebench.cli import app
from facebench.cli.refusals import refusal

LONG = "x" * 300

# Numbers that belong to no range, by the option that they are given to.
RATES = ["nan", "inf", "-inf", "1e30", "0", "-1", "", "few", "0x10", "1,2", "true"]
COUNTS = ["nan", "inf", "-1", "1.5", "1e30", "9" * 20, "9" * 5000, "", "many"]
OPTIONS = {
    "simclr.temperature": [*RATES, "1e-30"],
    "simclr.blur_p": ["nan", "-0.1", "1.1", "1e400", "half"],
    "simclr.hue": ["0.6"],
    "simclr.crop_scale": ["0", "2"],
    "simclr.projection_dim": ["0", "1000000000", "1.5"],
    "simclr.pose_augmentation": ["flips", "", "1"],
    "simclr.negative_interpolation": ["perhaps", "2", "nan"],
    "pretrain.lr": RATES,
    "pretrain.weight_decay": ["nan", "-1", "1e30"],
    "pretrain.epochs": [*COUNTS, "0"],
    "pretrain.batch_size": ["1", "0", "1e30"],
    "pretrain.image_size": ["1000000000", "1", "15", "-64", "64px"],
    "pretrain.limit": COUNTS,
    "pretrain.schedule": ["cosin", "1", ""],
    "pretrain.checkpoint_minutes": ["nan", "inf", "-1", "1e30"],
    "extract.image_size": ["1", "-1", "1000000000"],
    "extract.dtype": ["float8", "16"],
    "extract.feature": ["f_x", LONG],
    "probe.lrs": ["1e30", "nan", "", "1e-3,inf", "0"],
    "probe.paper_lr": ["1e30", "nan"],
    "probe.holdout": ["0", "1", "nan"],
    "probe.resamples": ["99", "1e30"],
    "probe.embedding_dim": ["0", "1000000000"],
    "lfw.crop": ["0", "251"],
    "simclr.recipe": ["papr", ""],
    "simclr.temprature": ["1"],
    "simclrr.temperature": ["1"],
}
FLAGS = {
    "--device": ["meta", "hpu", "cpu:7", "cuda:99", "gpu", "mps:1", LONG],
    "--precision": ["16", "bf17", LONG],
    "--seeds": ["-1", "4294967296", "9" * 20, "nan", "1.5", "a", "0,b"],
    "--limit": ["-5", "9" * 20],
    "--devices": ["0", "-1", "1000000000"],
    "--preset": ["quik", LONG],
    "--backbone": ["resnet18", "timm:", "facecycle16:x", LONG, "timm:no_such_model"],
    "--results": ["file", "file/below", LONG, f"a/{LONG}", ""],
    "--cache": ["file", "file/below", LONG, ""],
    "--data": [""],
    "--pretrain-data": ["images:", "video:"],
    "--checkpoint": ["missing", LONG, "file"],
    "--config": ["missing", ".", LONG, "binary"],
    "--cache-mirror": ["nosuch://bucket", LONG],
    "--plugin": ["missing.py", ".", LONG, "file"],
    "--method": ["simclrr", ",", LONG],
    "--task": ["tinny", LONG],
    "--set": ["temperature=1", "simclr.temperature", "=", "a.b.c=1", ".=1"],
}
RUN_FILES = [
    "method: 5", "method: true", "method: [1, 2]", "method: {a: 1}", "method: []", "task: 1.5",
    "method: 2024-99-99", "seeds: !!int x", "limit: .inf", "limit: .nan", "seeds: [.inf]",
    "method: " + "[" * 2000, "{" * 5000, "a: [", "a: b: c", "- a", "text", "5", "\t- x",
    "method: simclr\nmethod: pcl", "? [a, b]\n: 1", "device: [cpu]", "precision: [32]",
    "precision: .nan", "backbone: 7", "preset: [quick]", "results: 5", "data: {a: b}",
    "pretrain: 5", "pretrain: {epochs: true}", "pretrain: {epochs: .inf}", "pretrain: {lr: .nan}",
    "pretrain: {lr: [1, 2]}", "pretrain: {image_size: 1.5}", "simclr: {temperature: {a: 1}}",
    "probe: {lrs: [.inf]}", "floors: 7", "skip_broken: maybe",
    "a: !!python/object/apply:os.system [ls]", "a: &x [*x]", "a: *nothing", "methd: simclr",
    "when: 2024-13-45", "a: !!float x", "a: !!binary ***", "a: !!timestamp x", "null: 1",
]  # fmt: skip
SWEEPS = [
    "rows: 5", "rows: []", "rows: [5]", "rows: [{name: a, method: 5}]", "grid: []",
    "grid: {simclr.temperature: [.nan]}", "grid: {simclr.temperature: []}", "method: 5",
    "rows: [{name: a, printed: {tiny: .nan}}]", "rows: [{name: a, printed: {tiny: x}}]",
    "title: [a]", "table: x", "grid: " + "[" * 2000,
]  # fmt: skip
COMMANDS = [
    ["show", "."], ["show", "missing"], ["show", "file"], ["show", LONG],
    ["compare", ".", "."], ["compare", "file", "missing"], ["compare", LONG, LONG],
    ["verify", "."], ["verify", "missing"],
    ["table", "99"], ["table", "1", "--format", "pdf"],
    ["sweep", "missing.yaml"], ["sweep", "."], ["sweep", LONG], ["sweep", "binary"],
    ["ablate", "missing"], ["check", "missing"], ["data", "check", "missing"],
    ["import", "missing", "--method", "simclr"], ["new", "method", "a b"],
]  # fmt: skip
BASE = ["run", "--method", "simclr", "--task", "tiny", "--backbone", "tinynet"]


def _cases() -> list[tuple[list[str], str]]:
    """Return the arguments, and the text of the file ``bad.yaml`` where they name it."""
    sets = [[*BASE, "--set", f"{key}={v}"] for key, values in OPTIONS.items() for v in values]
    sets = [[*s[:4], "tiny,lfw", *s[5:]] if "lfw." in s[-1] else s for s in sets]
    flags = [[*BASE, flag, value] for flag, values in FLAGS.items() for value in values]
    plain = [text for text in RUN_FILES if not text.startswith("method")]
    methods = [text for text in RUN_FILES if text.startswith("method")]
    return [
        *((arguments, "") for arguments in [*sets, *flags, *COMMANDS]),
        *(([*BASE, "--config", "bad.yaml"], text) for text in plain if "task" not in text),
        *((["run", "--method", "simclr", "--config", "bad.yaml"], "task: 1.5"),),
        *((["run", "--task", "tiny", "--config", "bad.yaml"], text) for text in methods),
        *((["sweep", "bad.yaml", "--backbone", "tinynet"], text) for text in SWEEPS),
    ]


CASES = _cases()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file and a file that is no text."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "file").write_text("text")
    (folder / "binary").write_bytes(b"\xff\xfe\x00\x81")
    return folder


class Refused:
    """Runs a command that must end with one line and write nothing."""

    def __init__(self, place: Path, plugin: Path) -> None:
        self.place, self.plugin = place, plugin

    def line(self, arguments: list[str], text: str) -> str:
        """Return the line."""
        (self.place / "bad.yaml").write_text(text)
        if arguments[0] in ("run", "sweep", "check"):
            arguments = [*arguments, "--plugin", str(self.plugin)]
        before = sorted(self.place.rglob("*"))
        done = CliRunner().invoke(app, arguments)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 2, done.output
        assert sorted(self.place.rglob("*")) == before
        errors = [line for line in done.stderr.splitlines() if line.lower().startswith("error: ")]
        assert len(errors) == 1, done.stderr
        return errors[0]


@pytest.fixture
def refused(place: Path, data: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    monkeypatch.chdir(place)
    for name, value in environment(place, data).items():
        monkeypatch.setenv(name, value)
    return Refused(place, plugin)


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 220


@pytest.mark.parametrize("number", range(len(CASES)))
def test_bad_words_get_one_line_and_write_nothing(refused: Refused, number: int) -> None:
    assert len(refused.line(*CASES[number])) < 2000


def test_a_mistake_in_a_file_is_named_with_its_line(refused: Refused) -> None:
    for text, expected in [
        ("preset: quick\nmethod: 5", "bad.yaml, method (line 2): found '5'; expected a name"),
        ("preset: quick\n\nlimit: !!int x", "bad.yaml, line 3: not a YAML file"),
        ("method: simclr\npretrain:\n  epochs: .inf", "pretrain.epochs (line 3): pretrain.epochs"),
        ("a: 1\nmethod: " + "[" * 2000, "bad.yaml, line 2: lists or blocks within each other"),
        ("method: simclr\nlimit: -3", "error: limit is -3; expected a whole number"),
        ("method: a\nmethod: b", "bad.yaml, line 2: not a YAML file: the key method is there"),
    ]:
        assert expected in refused.line(["run", "--task", "tiny", "--config", "bad.yaml"], text)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "No space left on device. Make space"),
        (OSError(13, "Permission denied", "a/b"), "a/b: Permission denied. Choose another place"),
        (MemoryError("1 TB"), "not enough memory (1 TB). Choose smaller"),
        (RuntimeError("[enforce fail] can't allocate memory: 9 bytes"), "not enough memory"),
        (OverflowError("too large"), "a number is too large"),
        (BrokenPipeError(32, "Broken pipe"), None),
        (RuntimeError("a bug"), None),
        (KeyError("a bug"), None),
    ],
)
def test_what_the_system_refuses_is_one_line_and_a_bug_is_none(
    error: Exception, line: str | None
) -> None:
    found = refusal(error)
    assert found is None if line is None else found is not None and found.startswith(line)
