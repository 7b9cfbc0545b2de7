"""What a command costs, and how cost grows with the number of clips."""

import contextlib
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

    Memory is the proportional set size: what processes share counts once. It and the CPU time of
    all processes are looked at five times a second, so a shorter peak, and the last moments of a
    process, may be missed.

    Raises
    ------
    AvlibError
        The command failed; the message ends with what it wrote last.
    """
    log = cwd / "log"
    begin, peak = time.monotonic(), 0.0
    cpu: dict[psutil.Process, float] = {}
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=file, stderr=file)
        try:
            tree = psutil.Process(process.pid)
            while _still_runs(process):
                peak = max(peak, memory(tree))
                cpu |= _cpu(tree)
        finally:
            process.kill()  # does nothing to one that has ended
            process.wait()
    if process.returncode:
        said = " ".join(log.read_text(encoding="utf-8").split())[-500:]
        raise AvlibError(f"{' '.join(command[1:])} failed: {said}")
    return Cost(time.monotonic() - begin, sum(cpu.values()), peak)


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


def _cpu(tree: psutil.Process) -> dict[psutil.Process, float]:
    """Return the time, s, that each process below and with this one has computed by now."""
    found = {}
    with contextlib.suppress(psutil.Error):
        for process in [tree, *tree.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                found[process] = times.user + times.system
    return found
