"""Signatures of results, in the form of minisign: who says that these are the numbers.

A seal finds damage, and a person who edits a result can make another one. A signature needs the
secret key of the group that measured. ``NAME.minisig`` beside ``NAME.json`` signs the SHA-256 of
both files of a result as ``sha256sum NAME.json NAME.parquet`` prints them, so that minisign checks
it, too. What it says of itself (minisign's trusted comment, which is signed) begins with
:data:`FORM`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facebench.errors import SpecError, StageError
from facebench.results.finding import find_results
from facebench.results.store import SIGNATURE, now, read_result
from facebench.runtime.atomic import atomic_file

FORM = "facebench result, form 1"  # of what is signed


@dataclass(frozen=True)
class Signed:
    """What the signature of one result is worth.

    Args:
        file: The result.
        key: Name and number of the key that signed it; empty if it is not signed by a known one.
        finding: What is wrong; empty if the signature is right.
    """

    file: Path
    key: str = ""
    finding: str = ""


def new_key(file: Path, password: str = "") -> tuple[Path, str]:
    """Make a pair of keys.

    Args:
        file: The secret key, readable for its owner alone; ``FILE.pub`` is the public one.
        password: Encrypts the secret key; empty: it is not encrypted.

    Returns:
        The file of the public key, and the key's number as minisign shows it.

    Raises:
        StageError: One of both files exists.
        SpecError: py-minisign is missing.
    """
    pair, public = _minisign().KeyPair.generate(), Path(f"{file}.pub")
    for there in (file, public):
        if there.exists():
            raise StageError(f"{there}: exists already; a key is never replaced. Name another.")
    if password:
        pair.secret_key.encrypt(password)
    for target, content, mode in ((file, pair.secret_key, 0o600), (public, pair.public_key, 0o644)):
        with atomic_file(target, mode=mode) as temporary:
            temporary.write_bytes(bytes(content) + b"\n")
    return public, _number(pair.public_key.to_base64())


def sign(root: Path, key: Path, password: str = "") -> tuple[list[Path], list[Path]]:
    """Sign every result below a folder.

    Args:
        root: Folder of results; each is checked against its seal first.
        key: The secret key.
        password: Password of the key, if it is encrypted.

    Returns:
        The results that were signed, and those that had this key's signature already.

    Raises:
        StageError: A result is damaged, or has a signature that this key did not make; nothing is
            signed then.
        SpecError: The key cannot be read, the password is wrong, or py-minisign is missing.
    """
    secret = _secret(key, password)
    public = secret.get_public_key()
    known = {_number(public.to_base64()): (public, key.name)}
    results, there = [], []
    for path in _results(root):
        read_result(path)
        found = _checked(path, known)
        if not found.finding:
            there.append(path)
        elif path.with_suffix(SIGNATURE).exists():
            raise StageError(f"{path}: {found.finding}. Remove {path.stem}{SIGNATURE} first.")
        else:
            results.append(path)
    for path in results:
        signature = secret.sign(_sums(path), trusted_comment=f"{FORM}, {path.name}, {now()}")
        with atomic_file(path.with_suffix(SIGNATURE)) as temporary:
            temporary.write_bytes(bytes(signature) + b"\n")
    return results, there


def verify(root: Path, keys: Sequence[Path]) -> Iterator[Signed]:
    """Yield what the signature of each result below a folder is worth.

    Args:
        root: Folder of results.
        keys: Public keys, ``.pub`` files of minisign.

    Raises:
        StageError: There is no result.
        SpecError: A key cannot be read, or py-minisign is missing.
    """
    known = {}
    for file in keys:
        key = _read_key(file, _minisign().PublicKey)
        known[_number(key.to_base64())] = (key, file.name)
    yield from (_checked(path, known) for path in _results(root))


def signer(path: Path) -> str:
    """Return the number of the key that a result's signature names, which is not checked.

    Args:
        path: The JSON of a result.

    Returns:
        The number as minisign shows it; empty if there is no signature, or none of minisign.
    """
    file = path.with_suffix(SIGNATURE)
    try:
        number = _number(file.read_bytes().splitlines()[1]) if file.is_file() else ""
    except (OSError, ValueError, IndexError):
        return ""
    return number if len(number) == 2 * 8 else ""


def is_encrypted(key: Path) -> bool:
    """Return whether a secret key needs a password.

    Raises:
        SpecError: It cannot be read, or py-minisign is missing.
    """
    encrypted: bool = _read_key(key, _minisign().SecretKey).is_encrypted()
    return encrypted


def _checked(path: Path, known: Mapping[str, tuple[Any, str]]) -> Signed:
    """Check one result against the public keys, by number, with the names of their files."""
    file, minisign = path.with_suffix(SIGNATURE), _minisign()
    try:
        signature = minisign.Signature.from_file(file)
        number = _number(bytes(signature).splitlines()[1])
    except FileNotFoundError:
        return Signed(path, finding="not signed")
    except (OSError, ValueError, minisign.Error) as error:
        return Signed(path, finding=f"{file.name} is no signature of minisign ({error})")
    if number not in known:
        return Signed(path, finding=f"signed by another key, {number}")
    key, name = known[number]
    try:
        key.verify(_sums(path), signature)
    except (OSError, minisign.Error):
        return Signed(path, finding=f"not what {name} ({number}) has signed")
    if not signature.trusted_comment.startswith(f"{FORM}, {path.name}, "):
        return Signed(path, finding=f"signed by {name} ({number}) in another form")
    return Signed(path, key=f"{name} ({number})")


def _sums(path: Path) -> bytes:
    """Return the SHA-256 of a result's files, as ``sha256sum`` prints them."""
    lines = []
    for file in (path, path.with_suffix(".parquet")):
        with file.open("rb") as stream:
            lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {file.name}\n")
    return "".join(lines).encode()


def _results(root: Path) -> list[Path]:
    results, _ = find_results(root)
    if not results:
        raise StageError(f"{root}: found no result; expected some. Give another folder.")
    return results


def _secret(file: Path, password: str) -> Any:
    key = _read_key(file, _minisign().SecretKey)
    if key.is_encrypted():
        try:
            key.decrypt(password)
        except _minisign().Error as error:
            raise SpecError(f"{file}: the password of this key is another one.") from error
    return key


def _read_key(file: Path, kind: Any) -> Any:
    try:
        return kind.from_file(file)
    except (OSError, ValueError, _minisign().Error) as error:
        reason = getattr(error, "strerror", None) or error
        expected = "public" if kind is _minisign().PublicKey else "secret"
        raise SpecError(
            f"{file}: no {expected} key of minisign ({reason}). Make a pair with 'facebench "
            "results key FILE', or with minisign -G."
        ) from error


def _number(encoded: bytes) -> str:
    """Return the number of a key or signature, as minisign shows it: 16 hexadecimal digits."""
    return base64.b64decode(encoded)[2:10][::-1].hex().upper()


def _minisign() -> Any:
    try:
        import minisign
    except ImportError as error:
        raise SpecError(
            "signatures need py-minisign. Install it: pip install 'facebench[sign]'."
        ) from error
    return minisign
