"""Signatures of results: make keys, sign, and check who signed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facebench.api.places import paths
from facebench.results import signatures
from facebench.results.signatures import Signed
from facebench.runtime.listing import user_path


def new_signing_key(file: str | Path, password: str = "") -> tuple[Path, str]:
    """Make a pair of keys to sign results with: ``facebench results key``.

    Args:
        file: The secret key, to be kept secret; ``FILE.pub`` is the public one, to be published.
        password: Encrypts the secret key; empty: it is not encrypted.

    Returns:
        The file of the public key, and the key's number as minisign shows it.

    Raises:
        StageError: One of both files exists.
        SpecError: py-minisign (``facebench[sign]``) is missing.
    """
    return signatures.new_key(user_path(file), password)


def sign_results(
    folder: str | Path, key: str | Path, password: str = ""
) -> tuple[list[Path], list[Path]]:
    """Sign every result below a folder: ``facebench results sign``.

    Args:
        folder: Folder of results; each is checked against its seal first.
        key: The secret key.
        password: Password of the key, if it is encrypted.

    Returns:
        The results that were signed, and those that had this key's signature already.

    Raises:
        StageError: A result is damaged, or has another signature; nothing is signed then.
        SpecError: The key cannot be read, the password is wrong, or py-minisign is missing.
    """
    return signatures.sign(Path(folder), user_path(key), password)


def verify_signatures(folder: str | Path, keys: Sequence[str | Path]) -> list[Signed]:
    """Check who signed each result below a folder: ``facebench results verify``.

    Args:
        folder: Folder of results.
        keys: Public keys that are trusted.

    Returns:
        For each result the key that signed it, or what is wrong.

    Raises:
        StageError: There is no result.
        SpecError: A key cannot be read, or py-minisign is missing.
    """
    return list(signatures.verify(Path(folder), paths(keys)))
