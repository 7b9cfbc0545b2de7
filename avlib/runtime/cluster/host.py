"""A process beside a Dask worker that computes for one run, in the client's folder.

It starts anew for each run, so that no code of earlier days is in it. Each door leads to a thread
of the Dask worker, and has one process of `local_workers` behind it: one clip at a time, on one
thread, with limits, replaced where a clip kills it.
"""

import functools
import os
import pickle
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from avlib.runtime.attempt import Failure, attempt, one_line, unforeseen
from avlib.runtime.cluster.absent import absent_files
from avlib.runtime.cluster.work import (
    Origin,
    Work,
    digest,
    imported,
    origin_here,
    wrong_device,
)
from avlib.runtime.local_workers import LoneWorker

_IDLE = 30.0  # s without a chunk after which a host ends
SLICE = 2.0  # s after which what is left of a chunk goes back to the client


def main(doors: Sequence[Connection]) -> None:
    """Serve the doors until the Dask worker is gone, or has nothing to do for a while."""
    os.dup2(2, 1)  # what libraries print
    work: Work = pickle.loads(doors[0].recv_bytes())
    doors[0].send_bytes(pickle.dumps(_refusal(work)))
    activity = _Activity()
    threads = [
        threading.Thread(target=_serve, args=(door, work, activity), daemon=True) for door in doors
    ]
    for thread in threads:
        thread.start()
    parent = os.getppid()
    while any(thread.is_alive() for thread in threads) and activity.is_recent():
        if os.getppid() != parent:  # the Dask worker died: nobody wants what is being computed
            os._exit(1)
        time.sleep(0.5)


class _Activity:
    """When there was something to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy, self._last = 0, time.monotonic()

    def __enter__(self) -> None:
        with self._lock:
            self._busy += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._busy -= 1
            self._last = time.monotonic()

    def is_recent(self) -> bool:
        return self._busy > 0 or time.monotonic() - self._last < _IDLE


def _refusal(work: Work) -> str | Origin | None:
    """Return why this machine cannot do the work: a reason, or the origin that it has instead."""
    if work.token is not None:
        path, holds = work.token
        try:
            shared = Path(path).read_text() == holds
        except OSError:
            shared = False
        if not shared:
            return f"has another folder {Path.cwd()} than the client; expected one that both share"
    found = origin_here(work)
    same = digest(found["code"]) == work.code and found["libraries"] == dict(work.libraries)
    return None if same else found


def _serve(door: Connection, work: Work, activity: _Activity) -> None:
    """Answer chunk after chunk."""
    compute = functools.partial(_compute, work)
    on_gpu = work.numerics.startswith("cuda")  # a fork cannot use what its parent has begun with
    preload = [__name__] if on_gpu else [__name__, *work.modules]
    with LoneWorker(compute, work.limits, preload) as worker:
        while True:
            try:
                chunk = pickle.loads(door.recv_bytes())
            except EOFError:
                return
            with activity:
                try:
                    answer = _answer(worker, work, chunk)
                except Exception as error:
                    answer = "refused", f"{type(error).__name__}: {one_line(error)}"
                door.send_bytes(pickle.dumps(answer))


def _answer(worker: LoneWorker, work: Work, chunk: list[tuple[int, bytes]]) -> tuple[str, Any]:
    """Compute what a slice of time is enough for.

    The code is looked at before and after the imports: what was imported between two looks that
    saw the same is what they saw.
    """
    ready = worker.compute(None)
    if isinstance(ready, Failure):
        return "refused", f"cannot start a process for the work: it {ready.reason}"
    if refusal := ready or _refusal(work):
        return "refused", refusal
    begin, seconds = time.monotonic(), 0.0
    done: list[tuple[int, Any]] = []
    for index, task in chunk:
        outcome = worker.compute(task)
        if isinstance(outcome, str):
            return "refused", outcome
        if isinstance(outcome, Failure):  # of the process, not of the function in it
            outcome = pickle.dumps(outcome), 0.0
        done.append((index, outcome[0]))
        seconds += outcome[1]
        if time.monotonic() - begin > SLICE:
            break
    return "done", (done, seconds)


def _compute(work: Work, task: bytes | None) -> str | tuple[bytes, float]:
    """Return the pickled outcome of a task and what it took, s; or why this process cannot do it.

    In the process that may die. Without a task it imports what tasks need. A task that cannot be
    read, or a result that cannot be pickled, is a failure of its own.
    """
    try:
        function = imported(work.modules, work.function)
    except Exception as error:
        return f"cannot import what the work needs: {type(error).__name__}: {one_line(error)}"
    if task is None or wrong_device(work.numerics):
        return wrong_device(work.numerics)
    begin = time.monotonic()
    try:
        given = pickle.loads(task)
        outcome = attempt(_on_device(function) if work.on_device else function, given)
        if isinstance(outcome, Failure):
            found = absent_files((function, given), outcome.absent)
            outcome = replace(outcome, absent=found)
        payload = pickle.dumps(outcome)
    except Exception as error:
        payload = pickle.dumps(unforeseen(error))
    return payload, time.monotonic() - begin


def _on_device(function: Any) -> Any:
    from avlib.runtime.device import claimed, devices

    def on_one_of_ours(task: Any) -> Any:
        with claimed(devices()):
            return function(task)

    return on_one_of_ours
