"""Tasks on the workers of a running Dask scheduler, one at a time on each.

Dask suspects every task that a dead worker held. Each worker is handed one task at a time, so that
a crash has exactly one suspect, which gets two more tries on another worker and then fails alone.
"""

import atexit
import contextlib
import functools
import logging
import os
import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import distributed
from distributed import Client, Future, Nanny

from avlib.runtime.attempt import CRASHED, attempt, one_line, unforeseen
from avlib.runtime.errors import AvlibError
from avlib.runtime.local_workers import RETRIES
from avlib.runtime.threads import ONE_THREAD, single_thread

_POLL = 0.5  # seconds between two looks at which workers are alive
_CONNECT = 10.0  # seconds that a scheduler may take to answer
_PATIENCE = 60.0  # seconds without any worker before the run gives up


def map_on_cluster(
    function: Callable[[Any], Any], tasks: Iterator[tuple[int, Any]], address: str
) -> Generator[tuple[int, Any]]:
    """Yield the index of each task and its result, or its `Failure`, in no particular order.

    Raises
    ------
    AvlibError
        No scheduler answers at the address, it goes away, or it has no worker for a minute.
    """
    _hush()
    try:
        client = distributed.Client(address, timeout=_CONNECT)
    except (OSError, ValueError) as error:
        raise AvlibError(
            f"AVLIB_SCHEDULER={address}: no scheduler answers there ({one_line(error)});"
            " start one with `dask scheduler`, or unset the variable to use local processes"
        ) from None
    with client:
        yield from _Dispatch(client, function).run(tasks)


def _hush() -> None:
    """Keep Dask's log off the user's terminal; what matters there is reported by us."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


# ---------------------------------------------------------------- inside a worker


def _attempt(function: Callable[[Any], Any], task: Any, folder: str) -> Any:
    """Run one task where it stands, and turn whatever it raises into a `Failure`."""
    if Path.cwd() != Path(folder):  # a worker of a cluster was started elsewhere
        os.chdir(folder)
    _pin_threads()
    return attempt(function, task)


@functools.cache
def _pin_threads() -> contextlib.ExitStack:
    """Keep the numeric libraries of this process to one thread, for workers we did not start.

    They are let go with what is returned, and the cache never drops that.
    """
    os.environ.update(ONE_THREAD)
    pinned = contextlib.ExitStack()
    pinned.enter_context(single_thread())
    atexit.register(pinned.close)  # while the libraries that it lets go are still whole
    return pinned


# ---------------------------------------------------------------- dispatch


@dataclass
class _Running:
    future: Future
    index: int
    task: Any
    deaths: int


class _Dispatch:
    """Hand tasks to workers, one at a time each, and count the workers that die under a task."""

    def __init__(self, client: Client, function: Callable[[Any], Any]) -> None:
        self.client, self.function = client, function
        self.running: dict[tuple[str, str], _Running] = {}  # by a worker's address and identity
        self.again: deque[tuple[int, Any, int]] = deque()
        self.finished: queue.SimpleQueue[tuple[tuple[str, str], Future]] = queue.SimpleQueue()
        self.alive: list[tuple[str, str]] = []
        self.looked = self.seen = 0.0

    def run(self, tasks: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        self.seen = time.monotonic()
        exhausted = False
        while True:
            self._look(force=False)
            for worker in self.alive:
                if worker in self.running:
                    continue
                if self.again:
                    self._submit(worker, *self.again.popleft())
                    continue
                following = None if exhausted else next(tasks, None)
                if following is None:
                    exhausted = True
                    break
                self._submit(worker, *following, 0)
            if exhausted and not self.running and not self.again:
                return
            yield from self._collect()

    def _submit(self, worker: tuple[str, str], index: int, task: Any, deaths: int) -> None:
        future = self.client.submit(
            _attempt,
            self.function,
            task,
            str(Path.cwd()),
            key=f"clip-{index}-{os.urandom(8).hex()}",
            workers=[worker[0]],
            pure=False,
        )
        self.running[worker] = _Running(future, index, task, deaths)
        future.add_done_callback(lambda done: self.finished.put((worker, done)))

    def _collect(self) -> Iterator[tuple[int, Any]]:
        """Wait for one task, or for a while; yield what is decided."""
        with contextlib.suppress(queue.Empty):
            worker, future = self.finished.get(timeout=_POLL)
            running = self.running.get(worker)
            if running is not None and running.future is future:
                yield from self._settle(worker, running)
        for worker in [w for w in self.running if w not in self.alive]:
            yield from self._died(worker)

    def _settle(self, worker: tuple[str, str], running: _Running) -> Iterator[tuple[int, Any]]:
        while worker in self.alive:
            try:
                outcome = running.future.result(timeout=5)
            except distributed.KilledWorker:
                break
            except (TimeoutError, distributed.client.FutureCancelledError):
                self._look(force=True)  # the worker may have died with the result in its hands
                continue
            except Exception as error:  # the task or its result could not be carried over
                outcome = unforeseen(error)
            del self.running[worker]
            yield running.index, outcome
            return
        yield from self._died(worker)

    def _died(self, worker: tuple[str, str]) -> Iterator[tuple[int, Any]]:
        self.alive = [other for other in self.alive if other != worker]
        lost = self.running.pop(worker)
        lost.future.release()
        if lost.deaths < RETRIES:
            self.again.append((lost.index, lost.task, lost.deaths + 1))
        else:
            yield lost.index, CRASHED

    def _look(self, *, force: bool) -> None:
        """Learn which workers are alive, now and then."""
        now = time.monotonic()
        if not force and now - self.looked < _POLL:
            return
        try:
            found = self.client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, KeyError, RuntimeError) as error:  # KeyError: the client gave up on it
            raise AvlibError(
                "the Dask scheduler went away; expected it to stay until the work is done; start it"
                " and run again: finished clips are kept"
            ) from error
        workers = {(address, str(facts["id"])): facts["nanny"] for address, facts in found.items()}
        self.alive = [
            worker
            for worker, nanny in sorted(workers.items())
            if worker in self.alive or not self.looked or not nanny or self._is_up(worker[0])
        ]
        self.looked = time.monotonic()
        if self.alive:
            self.seen = now
        elif now - self.seen > _PATIENCE:
            raise AvlibError(
                f"no Dask worker for {_PATIENCE:.0f} s; expected at least one; start one with `dask"
                " worker ADDRESS --nthreads 1`, or unset AVLIB_SCHEDULER, and run again: finished"
                " clips are kept"
            )

    def _is_up(self, address: str) -> bool:
        """Say whether a worker that replaces a dead one may get a clip that could kill it.

        Dask's nanny gives up on a process that dies before it has noted that the process started.
        """
        replies = self.client.run(_status, workers=[address], nanny=True, on_error="return")
        return replies.get(address) == "running"


def _status(dask_worker: Nanny) -> str:
    """Return the status of a nanny's process (inside the nanny)."""
    return dask_worker.process.status.name if dask_worker.process else ""
