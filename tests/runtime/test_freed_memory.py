import platform
import resource

import numpy as np
import psutil
import pytest

from avlib.runtime.freed_memory import freed_memory_kept

BLOCK = 256 * 2**20  # bytes, far above what glibc keeps by itself; 128 pages at least

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries are not asked for anything"
)


def taken_anew(times=4):
    """Count the pages that the system hands out while a block is taken and freed some times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.empty(BLOCK, np.uint8)[:: resource.getpagesize()] = 1
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / times


def test_a_block_that_was_freed_is_taken_again_without_the_system():
    outside = taken_anew()
    with freed_memory_kept():
        taken_anew(1)
        inside = taken_anew()
    assert outside > 100
    assert inside < outside / 10


def test_afterwards_memory_goes_back_to_the_system():
    process = psutil.Process()
    before = process.memory_info().rss
    with freed_memory_kept():
        taken_anew(1)
        assert process.memory_info().rss > before + BLOCK / 2
    assert process.memory_info().rss < before + BLOCK / 2
    assert taken_anew() > 100


def test_it_is_undone_where_training_fails():
    with pytest.raises(ZeroDivisionError), freed_memory_kept():
        1 / 0  # noqa: B018 - raises
    assert taken_anew() > 100
