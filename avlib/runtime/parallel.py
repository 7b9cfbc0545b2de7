"""Map a function over clips, on this machine's processors or on a Dask cluster.

By default a `dask.distributed.LocalCluster` of single-threaded processes does the work, one per
processor. Environment variables, none of which changes a result:

``AVLIB_WORKERS``
    Number of local processes. 0 computes inside the calling process: quick for tests, but a crash
    of a C library then takes the whole run with it.
``AVLIB_SCHEDULER``
    Address of a running scheduler, e.g. ``tcp://10.0.0.1:8786``. Its workers need this project's
    environment, and the same files under the same paths.

A C library can kill the process that calls it. Dask suspects every task that a dead worker held,
so each worker is handed one clip at a time: a crash then has exactly one suspect, which gets two
more tries on a fresh worker and then fails alone.
"""

import atexit
import contextlib
import functools
import logging
import multiprocessing
import os
import queue
import signal
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avlib.runtime.errors import AvlibError, ParamsError
from avlib.runtime.progress import Progress
from avlib.runtime.threads import single_thread

if TYPE_CHECKING:  # importing distributed takes a second, which in-process work need not spend
    from distributed import Client, Future, Nanny

_RETRIES = 2  # further tries for a clip whose worker died under it
_POLL = 0.5  # seconds between two looks at which workers are alive
_CONNECT = 10.0  # seconds that a scheduler may take to answer
_PATIENCE = 60.0  # seconds without any worker before the run gives up

_ONE_THREAD = {
    f"{library}_NUM_THREADS": "1"
    for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA", "VECLIB_MAXIMUM")
}


@dataclass(frozen=True)
class Failure:
    """A clip that could not be computed.

    Parameters
    ----------
    reason
        One line for the status table.
    details
        The traceback, when the reason is not an error that we foresaw.
    """

    reason: str
    details: str = ""


def map_clips(
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    *,
    label: str,
    name: Callable[[Any], str] = str,
    unit: str = "clips",
    in_turn: bool = False,
) -> Generator[tuple[int, Any]]:
    """Yield ``(index, result)`` for each task as it completes, in no particular order.

    Tasks are taken one per free worker, so what is under way does not grow with their number.

    Parameters
    ----------
    function
        Takes a task. It must be importable, because workers are other processes.
    tasks
        Anything that pickles; results must pickle too, and be small.
    label
        What the progress display calls this work.
    name
        What to call a task that fails.
    unit
        What a task is, for the progress display.
    in_turn
        Compute inside the calling process, one task after another, as each takes a whole device.

    Yields
    ------
    index : int
        Position of the task.
    result
        What `function` returned, or a `Failure` where it raised or killed its process.

    Raises
    ------
    AvlibError
        No worker can be had.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(  # in the worker: ends it with one line instead of a traceback
            "a worker ran the main script while importing it; start the work under"
            ' `if __name__ == "__main__":`'
        )
    if not tasks:
        return
    workers = 0 if in_turn else _local_workers()
    scheduler = "" if in_turn else os.environ.get("AVLIB_SCHEDULER", "")
    with Progress(label, len(tasks), unit) as progress, contextlib.ExitStack() as stack:
        if workers or scheduler:
            count = min(workers, len(tasks))
            client = stack.enter_context(_external(scheduler) if scheduler else _local(count))
            outcomes = _Dispatch(client, function).run(enumerate(tasks))
        else:
            stack.enter_context(single_thread())
            outcomes = ((index, _guarded(function, task)) for index, task in enumerate(tasks))
        for index, outcome in outcomes:
            if isinstance(outcome, Failure):
                called = name(tasks[index])
                logging.getLogger(__name__).debug("%s: %s", called, outcome.details)
                progress.fail(called, outcome.reason)
            else:
                progress.advance()
            yield index, outcome


def _local_workers() -> int:
    """Return the number of local processes to use."""
    from dask.system import CPU_COUNT

    given = os.environ.get("AVLIB_WORKERS", "") or str(CPU_COUNT)
    if not given.isdecimal():
        raise ParamsError(f"AVLIB_WORKERS={given}: expected a number of processes, e.g. 2")
    return int(given)


# ---------------------------------------------------------------- inside a worker


def _attempt(function: Callable[[Any], Any], task: Any, folder: str) -> Any:
    """Run one task where it stands, and turn whatever it raises into a `Failure`."""
    if Path.cwd() != Path(folder):  # a worker of a cluster was started elsewhere
        os.chdir(folder)
    _pin_threads()
    return _guarded(function, task)


def _guarded(function: Callable[[Any], Any], task: Any) -> Any:
    try:
        return function(task)
    except AvlibError as error:
        return Failure(_one_line(str(error)))
    except (Exception, SystemExit) as error:
        return Failure(_one_line(f"{type(error).__name__}: {error}"), traceback.format_exc())


def _one_line(text: str) -> str:
    return " ".join(text.split())


@functools.cache
def _pin_threads() -> contextlib.ExitStack:
    """Keep the numeric libraries of this process to one thread, for workers we did not start.

    They are let go with what is returned, and the cache never drops that.
    """
    os.environ.update(_ONE_THREAD)
    pinned = contextlib.ExitStack()
    pinned.enter_context(single_thread())
    atexit.register(pinned.close)  # while the libraries that it lets go are still whole
    return pinned


# ---------------------------------------------------------------- clusters


@contextlib.contextmanager
def _local(workers: int) -> "Iterator[Client]":
    """Start processes on this machine; they end with the block, or with this process."""
    import dask
    import distributed

    _hush()
    quiet = {"DASK_LOGGING__DISTRIBUTED": "critical"}
    settings = {
        "distributed.nanny.pre-spawn-environ": {**_ONE_THREAD, **quiet},
        "distributed.worker.multiprocessing-method": "spawn",
        # Report a dead worker's task at once: the tries are counted here, see `_Dispatch`.
        "distributed.scheduler.allowed-failures": 0,
        # A library that holds Python's lock for minutes is slow, not dead.
        "distributed.scheduler.worker-ttl": None,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }
    with (
        _environment_restored(),
        dask.config.set(settings),
        warnings.catch_warnings(),
        contextlib.ExitStack() as stack,
    ):
        warnings.filterwarnings("ignore", message="Port .* is already in use")
        try:
            with _interrupts_for_us_alone():
                cluster = distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
        except RuntimeError as error:
            raise AvlibError(
                f"no local worker process could be started ({_one_line(str(error))}); expected"
                ' the script to start its work under `if __name__ == "__main__":`; or set'
                " AVLIB_WORKERS=0 to compute in one process"
            ) from None
        stack.enter_context(cluster)
        yield stack.enter_context(distributed.Client(cluster))


def _hush() -> None:
    """Keep Dask's log off the user's terminal; what matters there is reported by us."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _environment_restored() -> Iterator[None]:
    """Undo what Dask sets for its workers in this process's own environment."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextlib.contextmanager
def _interrupts_for_us_alone() -> Iterator[None]:
    """Let processes and threads that start in the block never see Ctrl-C; it waits for us."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _external(address: str) -> "Iterator[Client]":
    """Connect to a running scheduler."""
    import distributed

    _hush()
    try:
        client = distributed.Client(address, timeout=_CONNECT)
    except (OSError, ValueError) as error:
        raise AvlibError(
            f"AVLIB_SCHEDULER={address}: no scheduler answers there ({_one_line(str(error))});"
            " start one with `dask scheduler`, or unset the variable to use local processes"
        ) from None
    with client:
        yield client


# ---------------------------------------------------------------- dispatch


@dataclass
class _Running:
    future: "Future"
    index: int
    task: Any
    deaths: int


class _Dispatch:
    """Hand tasks to workers, one at a time each, and count the workers that die under a task."""

    def __init__(self, client: "Client", function: Callable[[Any], Any]) -> None:
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
        import distributed

        while worker in self.alive:
            try:
                outcome = running.future.result(timeout=5)
            except distributed.KilledWorker:
                break
            except (TimeoutError, distributed.client.FutureCancelledError):
                self._look(force=True)  # the worker may have died with the result in its hands
                continue
            except Exception as error:  # the task or its result could not be carried over
                outcome = Failure(_one_line(f"{type(error).__name__}: {error}"))
            del self.running[worker]
            yield running.index, outcome
            return
        yield from self._died(worker)

    def _died(self, worker: tuple[str, str]) -> Iterator[tuple[int, Any]]:
        self.alive = [other for other in self.alive if other != worker]
        lost = self.running.pop(worker)
        lost.future.release()
        if lost.deaths < _RETRIES:
            self.again.append((lost.index, lost.task, lost.deaths + 1))
        else:
            yield lost.index, Failure("crashed the worker")

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


def _status(dask_worker: "Nanny") -> str:
    """Return the status of a nanny's process (inside the nanny)."""
    return dask_worker.process.status.name if dask_worker.process else ""
