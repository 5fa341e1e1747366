"""Keeps the C library from returning every freed activation to the kernel.

glibc maps each tensor above 32 MB afresh and unmaps it when it is freed. A training step on the
CPU then spends a third of its time on page faults (benchmarks/pcl_step.py measures it). Told to
keep freed memory, glibc hands the same pages out again in the next step.
"""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEEP = 2**30  # bytes; the largest threshold that glibc takes on every version


def keep_freed_memory() -> bool:
    """Ask glibc to keep freed memory in this process; return whether it agreed.

    Does nothing elsewhere than on Linux with glibc. Numbers do not change.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, KEEP)) and bool(mallopt(M_TRIM_THRESHOLD, KEEP))
