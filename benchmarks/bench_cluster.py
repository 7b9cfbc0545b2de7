"""Handing clips to the workers of a cluster, beside Dask's own `client.map`."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import distributed
import psutil

from avlib.runtime.parallel import Failure, map_clips
from benchmarks.table import Table

CLIPS = 20_000
CHUNK = 50  # calls in a task of Dask's own
WORKERS = 2
POISONED, AMONG = 200, 5_000


def tables() -> list[Table]:
    """Time functions that do nothing on a cluster of this machine, and ones that kill."""
    with distributed.LocalCluster(
        WORKERS, threads_per_worker=1, memory_limit=0, dashboard_address=":0", silence_logs=50
    ) as cluster:
        os.environ["AVLIB_SCHEDULER"] = cluster.scheduler_address
        try:
            # The first, so that it finds no memory that others have left.
            rows = [measured("`map_clips`", lambda: mapped(nothing, CLIPS))]
            with distributed.Client(cluster) as client:
                rows += [
                    measured("`client.map`, a clip a task", lambda: one_by_one(client)),
                    measured(f"`client.map`, {CHUNK} clips a task", lambda: in_chunks(client)),
                ]
            begin = time.perf_counter()
            failed = mapped(die_at_times, AMONG)
            seconds = time.perf_counter() - begin
        finally:
            del os.environ["AVLIB_SCHEDULER"]
    assert failed == POISONED
    return [
        Table(
            f"{CLIPS:,} clips that take no time, {WORKERS} workers on this machine.",
            "`map_clips` begins with processes that import, and asks for each clip's outcome from a"
            " process that may die of it; `client.map` has neither. Target: 2,000 clips/s, and less"
            " than 50 MB more memory at the client.",
            ["handed over by", "s", "clips/s", "MB more at the client"],
            rows,
        ),
        Table(
            f"{AMONG:,} clips, {POISONED} of which kill their process each of the three times.",
            "Exactly these fail.",
            ["", "s", "failed"],
            [["`map_clips`", f"{seconds:.1f}", str(failed)]],
        ),
    ]


def measured(name: str, run: Callable[[], int]) -> list[str]:
    """Return a row: how long something takes, and how much more memory this process needs."""
    begin = time.perf_counter()
    with peak() as more:
        run()
    seconds = time.perf_counter() - begin
    return [name, f"{seconds:.1f}", f"{CLIPS / seconds:,.0f}", f"{more[0] / 1e6:.0f}"]


@contextmanager
def peak() -> Iterator[list[int]]:
    """Watch the most memory that this process holds in the block beyond what it held before."""
    process, more, done = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.05):
            more[0] = max(more[0], process.memory_info().rss - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield more
    finally:
        done.set()
        thread.join()


def one_by_one(client: distributed.Client) -> int:
    """Map as Dask does."""
    return len(client.gather(client.map(nothing, range(CLIPS), pure=False)))


def in_chunks(client: distributed.Client) -> int:
    """Map as Dask does, many in a task."""
    starts = range(0, CLIPS, CHUNK)
    return sum(map(len, client.gather(client.map(nothings, starts, pure=False))))


def mapped(function: Callable[[int], int], clips: int) -> int:
    """Map as the pipeline does; return how many failed."""
    outcomes = map_clips(function, range(clips), label="no-op")
    return sum(isinstance(outcome, Failure) for _, outcome in outcomes)


def nothing(task: int) -> int:
    """Take no time."""
    return task


def nothings(start: int) -> list[int]:
    """Take no time, often."""
    return [nothing(task) for task in range(start, start + CHUNK)]


def die_at_times(task: int) -> int:
    """Kill the process that this runs in, if the task says so."""
    if task % (AMONG // POISONED) == 7:
        os.kill(os.getpid(), 9)
    return task
