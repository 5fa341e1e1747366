"""Choice of device and precision."""

from __future__ import annotations

from typing import Literal

import torch

from facebench.errors import SpecError, shortened
from facebench.ranges import nearest

Precision = Literal["32", "bf16"]

_KINDS = ("cpu", "cuda", "mps")


def resolve_device(name: str, *, here: bool = True) -> torch.device:
    """Return the device called ``name``; ``auto`` prefers cuda, then mps, then the CPU.

    Args:
        name: As the user wrote it.
        here: Whether this machine computes on it, and so must have it.

    Raises:
        SpecError: The device is not available.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in _KINDS or (index and kind != "cuda"):
        meant = "cuda" if kind == "gpu" else kind
        raise SpecError(
            f"--device {shortened(name)}: expected auto, cpu, cuda, cuda:NUMBER or mps."
            f"{nearest(meant, Literal['auto', 'cpu', 'cuda', 'mps'])}"
        )
    try:
        device = torch.device(name)
        if here:
            torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SpecError(f"--device {name}: {reason}. Use auto, cpu, cuda or mps.") from error
    return device


def resolve_precision(name: str, device: torch.device) -> Precision:
    """Return ``32`` or ``bf16``; ``auto`` is bf16 where the hardware multiplies it natively.

    Raises:
        SpecError: The name is not a precision, or the device is that of another machine.
    """
    if name == "32":
        return "32"
    if name == "bf16":
        return "bf16"
    if name != "auto":
        raise SpecError(f"--precision {shortened(name)}: expected auto, 32 or bf16.")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SpecError(
            "--precision auto asks the GPU, and this machine has none; expected the precision of "
            "the machines that compute: --precision bf16 or 32."
        )
    return "bf16" if _gains_from_bf16(device) else "32"


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return the autocast context of ``precision`` on ``device``."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def describe_device(device: torch.device) -> str:
    """Return the name of the hardware, for results."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capabilities = _cpu_capabilities()
    name = str(capabilities.get("cpu_name", "")) or "CPU"
    return f"{name}, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type


def _gains_from_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        capabilities = _cpu_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


def _cpu_capabilities() -> dict[str, object]:
    get = getattr(torch.cpu, "get_capabilities", None)  # torch 2.10 and newer
    return dict(get()) if get else {}
