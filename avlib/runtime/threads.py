"""Computing on one thread, where the number of threads would show in the result."""

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

ONE_THREAD = {  # for libraries that are not loaded yet
    f"{library}_NUM_THREADS": "1"
    for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA", "VECLIB_MAXIMUM")
}


@contextmanager
def single_thread() -> Iterator[None]:
    """Run numpy's and torch's linear algebra on one thread.

    A matrix product split over another number of threads rounds differently, and gradient descent
    amplifies that. One thread per fold (folds run side by side) makes the bits independent of the
    machine's cores.
    """
    torch = sys.modules.get("torch")  # loading it takes seconds, and who has not needs no limit
    threads = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    try:
        with _libraries(len(sys.modules)).limit(limits=1):
            yield
    finally:
        if torch:
            torch.set_num_threads(threads)


@functools.lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:
    """Find the libraries that have threads: 10 ms, and as long as no module was loaded the same."""
    return ThreadpoolController()
