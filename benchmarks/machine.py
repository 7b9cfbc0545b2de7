"""The machine under the figures."""

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import psutil
import torch
from threadpoolctl import threadpool_limits


def describe() -> list[str]:
    """Return facts that figures depend on; nothing that tells whose machine it is."""
    facts = [
        f"{_cpu_model()}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB",
        f"Python {platform.python_version()}, torch {torch.__version__}",
        f"load at the start: {os.getloadavg()[0]:.1f} (figures are good when this is near 0)",
    ]
    if torch.cuda.is_available():
        facts.insert(1, torch.cuda.get_device_name())
    return facts


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


@contextmanager
def one_core() -> Iterator[None]:
    """Compute on the CPU, in one thread, while the block runs."""
    threads, device = torch.get_num_threads(), os.environ.get("AVLIB_DEVICE")
    os.environ["AVLIB_DEVICE"] = "cpu"
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
        del os.environ["AVLIB_DEVICE"]
        if device is not None:
            os.environ["AVLIB_DEVICE"] = device


def take_turns(
    functions: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, float]:
    """Return the best time of each function in seconds.

    They take turns, so that a busy moment of the machine hits all of them.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = clock()
            function()
            times[name].append(clock() - start)
    return {name: min(found) for name, found in times.items()}
