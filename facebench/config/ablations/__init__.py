"""Ablations that ship with facebench, as data: sweep files that ``facebench ablate`` runs.

``table5`` to ``table7`` are the rows of PCL's tables; the others vary what its text mentions.

May import ``sweep_file`` and errors.
"""

from __future__ import annotations

from importlib.resources import files

from facebench.config.sweep_file import Sweep, parse_sweep
from facebench.errors import UnknownNameError


def ablation_names() -> list[str]:
    """Return the names of all ablations, sorted."""
    entries = files("facebench.config.ablations").iterdir()
    return sorted(e.name.removesuffix(".yaml") for e in entries if e.name.endswith(".yaml"))


def ablation(name: str) -> Sweep:
    """Read one ablation.

    Raises:
        UnknownNameError: There is none of that name.
    """
    if name not in ablation_names():
        raise UnknownNameError("ablation", name, ablation_names())
    text = (files("facebench.config.ablations") / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_sweep(text, f"ablation {name}")
