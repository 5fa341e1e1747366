"""Downloads LFW from figshare with scikit-learn's fetcher, which verifies it by SHA-256."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from facebench.errors import DataError
from facebench.task import TaskInfo

_HOME = "lfw_home"  # scikit-learn's name
_PAIRS, _IMAGES = "pairs.txt", "lfw_funneled"


def download(info: TaskInfo, folder: Path) -> Path:
    """Download 230 MB of funneled images and the pairs.

    Args:
        info: Declaration of the task, used in messages.
        folder: Folder of datasets; ``lfw_home`` is created in it when complete.

    Returns:
        ``folder/lfw_home``.

    Raises:
        DataError: It exists already, or the download failed.
    """
    from sklearn.datasets import fetch_lfw_pairs

    home = folder / _HOME
    if home.exists():
        raise DataError(f"{info.title}: {home} exists already; expected a free place. Remove it.")
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{_HOME}.", dir=folder) as temporary:
        try:
            with warnings.catch_warnings(action="ignore"):  # "Retry downloading from url"
                # The smallest subset: everything is downloaded, little is decoded.
                fetch_lfw_pairs(subset="test", data_home=temporary, funneled=True, resize=0.1)
        except (OSError, EOFError) as error:  # no network, a broken archive
            raise DataError(
                f"{info.title}: the download failed: {type(error).__name__}: {error}. Try again "
                f"with a network connection. How else to get it: {info.obtain}"
            ) from error
        made = Path(temporary) / _HOME
        shutil.rmtree(made / "joblib", ignore_errors=True)  # decoded images that are not used
        lacking = [name for name in (_PAIRS, _IMAGES) if not (made / name).exists()]
        if lacking:
            raise DataError(
                f"{info.title}: the download lacks {', '.join(lacking)}; expected {_IMAGES}/ and "
                f"{_PAIRS}. How else to get it: {info.obtain}"
            )
        made.rename(home)
    return home
