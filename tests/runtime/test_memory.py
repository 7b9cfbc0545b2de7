"""Memory that is free again."""

import ctypes

import psutil
import pytest

from avlib.runtime.memory import give_back


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not glibc")
def test_what_is_freed_between_things_that_stay_is_given_back():
    def used():
        return psutil.Process().memory_info().rss / 1e6

    held = [bytes([k % 251]) * 10_000 for k in range(20_000)]  # 200 MB
    kept = held[::100]
    del held
    before = used()
    give_back()
    assert used() < before - 100
    assert all(len(piece) == 10_000 for piece in kept)
