import sys
import types

import numpy  # noqa: F401 - whose library is limited
import threadpoolctl
import torch

from avlib.runtime import threads
from avlib.runtime.threads import single_thread


def counts():
    """Threads of each library, and of torch."""
    found = {lib["filepath"]: lib["num_threads"] for lib in threadpoolctl.threadpool_info()}
    return found | {"torch": torch.get_num_threads()}


def test_all_libraries_have_one_thread_inside_and_as_many_as_before_behind():
    with threadpoolctl.threadpool_limits(2):
        before = counts()
        for _ in range(2):
            with single_thread():
                assert set(counts().values()) == {1}
                with single_thread():
                    assert set(counts().values()) == {1}
                assert set(counts().values()) == {1}
            assert counts() == before


def test_libraries_are_looked_for_again_once_a_module_was_loaded(monkeypatch):
    looked = []

    class Controller(threadpoolctl.ThreadpoolController):
        def __init__(self):
            looked.append(len(sys.modules))
            super().__init__()

    threads._libraries.cache_clear()
    monkeypatch.setattr(threads, "ThreadpoolController", Controller)
    for _ in range(3):
        with single_thread():
            pass
    assert len(looked) == 1
    monkeypatch.setitem(sys.modules, "a_module_of_nobody", types.ModuleType("a_module_of_nobody"))
    with single_thread():
        pass
    assert len(looked) == 2
    threads._libraries.cache_clear()
