"""Signed results: made and checked here and by minisign's own rules; nothing edited passes."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minisign
import pytest
from result_world import write_result
from stored_world import classes, write
from typer.testing import CliRunner

import facebench as fb
from facebench.cli import app
from facebench.errors import SpecError, StageError
from facebench.results.sealing import sealed_result
from facebench.results.signatures import signer
from facebench.results.store import read_result
from facebench.runtime.workspace import to_json


def results(root: Path, count: int = 2) -> list[Path]:
    """Write sealed results."""
    found = []
    for seed in range(count):
        result = write(root, classes([True, True, False, True]), seed=seed)
        record = {**json.loads(result.path.read_text()), "format": 3}
        result.path.write_text(to_json(sealed_result(record, result.predictions_path)))
        found.append(result.path)
    return found


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the keys ``group`` and ``other``."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("group", "other"):
        fb.new_signing_key(folder / name)
    return folder


def invoke(*arguments: object) -> Any:
    done = CliRunner().invoke(app, ["results", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_every_result_is_signed_once_and_the_key_is_named(tmp_path: Path, keys: Path) -> None:
    files = results(tmp_path)
    assert fb.sign_results(tmp_path, keys / "group") == (files, [])
    assert fb.sign_results(tmp_path, keys / "group") == ([], files)
    checked = fb.verify_signatures(tmp_path, [keys / "other.pub", keys / "group.pub"])
    assert [one.file for one in checked] == files
    assert {one.finding for one in checked} == {""}
    assert all(one.key.startswith("group.pub (") for one in checked)
    (one, _) = fb.verify_signatures(tmp_path, [keys / "other.pub"])
    assert one.finding.startswith("signed by another key, ")
    assert one.finding[-16:] in next(iter(checked)).key
    assert signer(one.file) == one.finding[-16:]


def test_who_signed_is_empty_without_a_signature(tmp_path: Path) -> None:
    (file,) = results(tmp_path, 1)
    assert signer(file) == ""
    for content in (b"", b"one line", b"untrusted comment: x\nno base64!\n"):
        file.with_suffix(".minisig").write_bytes(content)
        assert signer(file) == ""


def test_it_is_what_minisign_checks(tmp_path: Path, keys: Path) -> None:
    (path,) = results(tmp_path, 1)
    fb.sign_results(tmp_path, keys / "group")
    sums = "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in (path, path.with_suffix(".parquet"))
    )
    public = minisign.PublicKey.from_file(keys / "group.pub")
    public.verify(sums.encode(), minisign.Signature.from_file(path.with_suffix(".minisig")))


def sealed_again(path: Path) -> None:
    """Edit a score, and make the seal anew, which needs no key."""
    record = json.loads(path.read_text())
    record["scores"]["honest"]["accuracy"] = 0.99
    record = sealed_result(record, path.with_suffix(".parquet"))
    path.write_text(to_json(record))
    assert read_result(path).record.seal is not None


EDITS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "score": (sealed_again, "not what group.pub"),
    "predictions": (
        lambda path: path.with_suffix(".parquet").write_bytes(b"PAR1"), "not what group.pub"
    ),
    "no predictions": (lambda path: path.with_suffix(".parquet").unlink(), "not what group.pub"),
    "no signature": (lambda path: path.with_suffix(".minisig").unlink(), "not signed"),
    "noise": (lambda path: path.with_suffix(".minisig").write_bytes(b"\xff\n" * 4), "no signature"),
    "empty": (lambda path: path.with_suffix(".minisig").write_bytes(b""), "no signature"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_nothing_edited_passes(tmp_path: Path, keys: Path, name: str) -> None:
    first, second = results(tmp_path)
    fb.sign_results(tmp_path, keys / "group")
    edit, finding = EDITS[name]
    edit(first)
    one, other = fb.verify_signatures(tmp_path, [keys / "group.pub"])
    assert finding in one.finding
    assert not one.key
    assert other.file == second
    assert not other.finding


def test_a_signature_is_of_its_own_result_and_form(tmp_path: Path, keys: Path) -> None:
    first, second = results(tmp_path)
    fb.sign_results(tmp_path, keys / "group")
    shutil.copyfile(first.with_suffix(".minisig"), second.with_suffix(".minisig"))
    assert "not what" in fb.verify_signatures(tmp_path, [keys / "group.pub"])[1].finding
    sums = "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in (second, second.with_suffix(".parquet"))
    )
    secret = minisign.SecretKey.from_file(keys / "group")
    another = secret.sign(sums.encode(), trusted_comment="facebench result, form 2, x")
    second.with_suffix(".minisig").write_bytes(bytes(another) + b"\n")
    found = fb.verify_signatures(tmp_path, [keys / "group.pub"])[1].finding
    assert found.endswith("in another form")


def test_nothing_is_signed_beside_a_damaged_or_foreign_result(tmp_path: Path, keys: Path) -> None:
    first, second = results(tmp_path)
    fb.sign_results(tmp_path, keys / "other")
    first.with_suffix(".minisig").unlink()
    with pytest.raises(StageError, match=r"signed by another key.* Remove .*\.minisig first"):
        fb.sign_results(tmp_path, keys / "group")
    second.write_text(second.read_text().replace('"title": "', '"title": "X'))
    with pytest.raises(StageError, match="changed since it was written"):
        fb.sign_results(tmp_path, keys / "group")
    assert not first.with_suffix(".minisig").exists()


def test_keys_are_private_and_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    monkeypatch.setenv("FACEBENCH_KEY_PASSWORD", "words")
    done = invoke("key", key)
    assert done.exit_code == 0
    assert "publish" in done.stdout
    assert key.stat().st_mode & 0o777 == 0o600
    assert "exists already" in invoke("key", key).stderr
    files = results(tmp_path / "results", 1)
    assert "1 signed" in invoke("sign", tmp_path / "results", "--key", key).stdout
    files[0].with_suffix(".minisig").unlink()
    monkeypatch.setenv("FACEBENCH_KEY_PASSWORD", "other words")
    done = invoke("sign", tmp_path / "results", "--key", key)
    assert done.exit_code == 2
    assert "the password of this key is another one" in done.stderr
    for wrong in (tmp_path / "missing", files[0], tmp_path / "key.pub"):
        with pytest.raises(SpecError, match="no secret key of minisign"):
            fb.sign_results(tmp_path / "results", wrong)


def test_the_command_says_who_signed_what(tmp_path: Path, keys: Path) -> None:
    first, _ = results(tmp_path)
    fb.sign_results(tmp_path, keys / "group")
    done = invoke("verify", tmp_path, "--key", keys / "group.pub")
    assert done.exit_code == 0
    assert done.stdout.count(": signed by group.pub (") == 2
    first.with_suffix(".minisig").unlink()
    done = invoke("verify", tmp_path, "--key", keys / "group.pub")
    assert done.exit_code == 1
    assert f"{first.name}: not signed" in done.stdout
    assert "1 of 2 results are not signed by these keys" in done.stderr


def test_a_merge_keeps_signatures(tmp_path: Path, keys: Path) -> None:
    write_result(tmp_path / "one", "classification")
    fb.sign_results(tmp_path / "one", keys / "group")
    fb.merge([tmp_path / "one"], tmp_path / "all")
    checked = fb.verify_signatures(tmp_path / "all", [keys / "group.pub"])
    assert [one.finding for one in checked] == [""]
