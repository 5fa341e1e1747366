"""Memory of large tensors is reused: no page is asked of the kernel again."""

import resource

import pytest
import torch

from facebench.runtime.allocator import keep_freed_memory

PAGES = 64 * 2**20 // resource.getpagesize()  # of the tensor below


def faults(times: int) -> int:
    """Return the page faults of writing a tensor of 64 MiB so many times, each time a new one."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_a_second_tensor_takes_the_pages_of_the_first() -> None:
    if not keep_freed_memory():
        pytest.skip("not glibc on Linux")
    faults(20)  # until there is a free block that the tensor fits in, whatever lies around it
    assert faults(5) < PAGES
