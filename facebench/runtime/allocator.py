"""Configures glibc's allocator to reuse the memory of freed activations.

glibc maps each tensor above 32 MB afresh and unmaps it when it is freed. A training step or an
extraction on the CPU then spends up to a third of its time on page faults (benchmarks/pcl_step.py).
With the settings below, glibc keeps freed memory and reuses the same pages for the next batch.
"""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEEP = 2**30  # bytes; the largest threshold that glibc takes on every version


def keep_freed_memory() -> bool:
    """Set glibc to keep freed memory in this process; return whether this succeeded.

    Without effect on other systems than Linux with glibc. Numbers do not change.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, KEEP)) and bool(mallopt(M_TRIM_THRESHOLD, KEEP))
