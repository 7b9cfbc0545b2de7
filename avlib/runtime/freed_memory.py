"""Memory that is freed and taken again, in each step of a training."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt, in glibc's malloc.h
_THRESHOLD, _BLOCKS = 128 * 1024, 65536  # glibc's own values of both


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Have the C library keep what is freed, however large, and hand it back afterwards.

    Blocks above 32 MB glibc hands back to the system at once. The next step of a training gets them
    anew, page by page and filled with zeros, which takes long where a network's activations are of
    that size. Of other C libraries nothing is asked.
    """
    libc: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_MAX, _BLOCKS)
        libc.mallopt(_TRIM_THRESHOLD, _THRESHOLD)
        libc.malloc_trim(0)
