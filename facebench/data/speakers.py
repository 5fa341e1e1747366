"""Names of the identities of video frames.

VoxCeleb1's ``unzippedFaces`` has a folder per name (``Aaron_Eckhart``); later releases have ids
(``id10001``), which the release's ``vox1_meta.csv`` maps to names. VoxCeleb2 publishes no names.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from facebench.errors import DataError

# Parent folders of the identities in VoxCeleb's releases; they are not identities themselves.
WRAPPERS = frozenset({"unzippedfaces", "unzippedintervalfaces", "data", "dev", "test", "mp4"})

META = "vox1_meta.csv"
_ID = re.compile(r"id\d+", re.IGNORECASE)
_COLUMNS = ("VoxCeleb1 ID", "VGGFace1 ID")


def speaker_names(folder: Path) -> dict[str, str]:
    """Read ``vox1_meta.csv`` in a folder or beside it.

    Args:
        folder: The video tree.

    Returns:
        Name for each id; empty without the file.

    Raises:
        DataError: The file is not that table.
    """
    places = (folder / META, folder.resolve().parent / META)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        return {}
    try:
        with found.open(encoding="utf-8-sig", newline="") as stream:
            rows = [
                {str(key).strip(): str(value).strip() for key, value in row.items()}
                for row in csv.DictReader(stream, delimiter="\t")
            ]
            return {row[_COLUMNS[0]]: row[_COLUMNS[1]] for row in rows}
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{found}: not the table of VoxCeleb1's speakers ({error}); expected columns "
            f"{' and '.join(_COLUMNS)}, separated by tabs. Download it again, or remove it."
        ) from error


def speaker_folders(folder: Path) -> list[str]:
    """Return the folder of every identity, without listing the folders of identities.

    Args:
        folder: The video tree, ``identity/video/[track/]frame`` or a release of VoxCeleb.
    """
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            found += speaker_folders(path) if path.name.lower() in WRAPPERS else [path.name]
    return found


def name_identities(identities: Iterable[str], names: dict[str, str]) -> tuple[str, ...]:
    """Return the name of each identity; empty where only an id is known.

    Args:
        identities: Folder names: a person's name, or an id.
        names: Names by id, from :func:`speaker_names`.
    """
    return tuple(
        names.get(identity, "" if _ID.fullmatch(identity) else identity) for identity in identities
    )
