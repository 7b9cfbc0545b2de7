"""What a command costs, and how cost grows with the number of clips."""

import resource
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from avlib.runtime.errors import AvlibError

INTERVAL = 0.2  # seconds between two looks at the memory


class Cost(NamedTuple):
    """What a command took, with all processes that it started: s, s, bytes."""

    seconds: float
    cpu: float
    peak: float


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return e of the power law ``cost ~ size ** e`` that fits best on logarithmic axes.

    NaN where a cost is not above 0, as a difference of two noisy times may be.
    """
    if min(costs) <= 0:
        return float("nan")
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def run_measured(command: Sequence[str], cwd: Path, env: dict[str, str]) -> Cost:
    """Run a command to its end and measure it; what it writes goes to the file ``log`` of `cwd`.

    Memory is the proportional set size: what processes share counts once. It is looked at five
    times a second, so a shorter peak may be missed.

    Raises
    ------
    AvlibError
        The command failed; the message ends with what it wrote last.
    """
    log = cwd / "log"
    begin, cpu, peak = time.monotonic(), _cpu_of_children(), 0.0
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=file, stderr=file)
        try:
            tree = psutil.Process(process.pid)
            while _still_runs(process):
                peak = max(peak, memory(tree))
        finally:
            process.kill()  # does nothing to one that has ended
            process.wait()
    if process.returncode:
        said = " ".join(log.read_text(encoding="utf-8").split())[-500:]
        raise AvlibError(f"{' '.join(command[1:])} failed: {said}")
    return Cost(time.monotonic() - begin, _cpu_of_children() - cpu, peak)


def memory(tree: psutil.Process) -> float:
    """Return the memory of a process and all below it, in bytes."""
    total = 0.0
    try:
        for process in [tree, *tree.children(recursive=True)]:
            total += _memory_of(process)
    except psutil.Error:  # it has just ended
        return total
    return total


def _memory_of(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().pss
    except (psutil.Error, OSError):
        return 0.0


def _still_runs(process: subprocess.Popen) -> bool:
    try:
        process.wait(INTERVAL)
    except subprocess.TimeoutExpired:
        return True
    return False


def _cpu_of_children() -> float:
    """CPU seconds of all processes below this one that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
