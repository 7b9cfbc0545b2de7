"""Processes on this machine, of which each works on one task at a time and may die of it.

A C library can kill the process that calls it. No process holds a second task, so that a death has
one suspect: its task gets two more tries, and then fails alone. One that goes beyond its limits of
memory and time is ended from outside, and its task fails at once.

The processes are forks of a server that has imported what the function needs, once, and that has
no thread that a fork could lose. They never see Ctrl-C, and end with the process that started them.
"""

import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any

import psutil

from avlib.runtime.attempt import CRASHED, Failure, attempt, unforeseen
from avlib.runtime.errors import AvlibError
from avlib.runtime.limits import Limits
from avlib.runtime.threads import ONE_THREAD

_ALONE = {**ONE_THREAD, "JE_ARROW_MALLOC_CONF": "background_thread:false"}  # no thread by imports
_FIRST = "avlib.runtime.worker_server"  # of what the server imports
_POLL = 0.2  # s between two looks at what workers take
RETRIES = 2  # further tries for a task whose worker died under it
_CONTEXT = multiprocessing.get_context("forkserver")
_STARTING = threading.Lock()


def map_locally(
    function: Callable[[Any], Any],
    tasks: Iterable[tuple[int, Any]],
    workers: int,
    limits: Limits | None = None,
    preload: Collection[str] = (),
) -> Generator[tuple[int, Any]]:
    """Yield the index of each task and its result, or its `Failure`, in no particular order.

    Parameters
    ----------
    function
        Takes a task; it must be importable.
    tasks
        Taken as processes are free.
    workers
        Number of processes.
    limits
        What a task may take; None: anything.
    preload
        Modules beside the function's that the server imports, where it does not run yet.

    Raises
    ------
    AvlibError
        No process can be started.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)  # a worker that ran the main script while importing it, see `_greet`
    _CONTEXT.set_forkserver_preload([_FIRST, __name__, *_modules(function), *preload])
    waiting = ((index, task, 0) for index, task in tasks)
    again: deque[tuple[int, Any, int]] = deque()  # with how many workers died under the task
    busy: dict[_Worker, tuple[int, Any, int]] = {}
    done: list[tuple[int, Any]] = []
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(_Worker(function)) for _ in range(workers)]
        while True:
            while idle and (job := again.popleft() if again else next(waiting, None)):
                worker = idle.pop()
                worker.give(job[1])
                busy[worker] = job
            yield from done  # whoever takes them keeps no worker waiting
            if not busy:
                return
            done = []
            for worker in _wait_for(busy, None if limits is None else _POLL):
                index, task, deaths = busy.pop(worker)
                try:
                    done.append((index, worker.take()))
                    idle.append(worker)
                except EOFError:
                    idle.append(stack.enter_context(_Worker(function)))
                    if deaths < RETRIES:
                        again.append((index, task, deaths + 1))
                    else:
                        done.append((index, CRASHED))
            for worker in list(busy):
                if limits is not None and (reason := worker.excess(limits)):
                    index, *_ = busy.pop(worker)
                    worker.end()
                    done.append((index, Failure(reason)))
                    idle.append(stack.enter_context(_Worker(function)))


def start_server(preload: Collection[str]) -> None:
    """Start the server of processes, which imports modules while this process goes on."""
    _CONTEXT.set_forkserver_preload([_FIRST, __name__, *preload])
    with _STARTING, _surroundings():
        forkserver.ensure_running()


def _modules(function: Callable[..., Any]) -> list[str]:
    """Return the modules of a function, or of those that a partial one is made of."""
    if not isinstance(function, functools.partial):
        return [function.__module__]
    parts = (function.func, *function.args, *function.keywords.values())
    return [module for part in parts if callable(part) for module in _modules(part)]


class LoneWorker:
    """A process that computes task after task, and is replaced where one kills it.

    Parameters
    ----------
    function, limits
        As of `map_locally`.
    preload
        Modules to import in the server of processes, so that a further process has them.
    """

    def __init__(
        self, function: Callable[[Any], Any], limits: Limits | None, preload: Collection[str]
    ) -> None:
        self._function, self._limits = function, limits
        self._worker: _Worker | None = None
        _CONTEXT.set_forkserver_preload([_FIRST, __name__, *preload])

    def __enter__(self) -> "LoneWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def compute(self, task: Any) -> Any:
        """Return what the function makes of a task, or a `Failure` where the process ends of it.

        Raises
        ------
        AvlibError
            No process can be started.
        """
        if self._worker is None:
            self._worker = _Worker(self._function)
        self._worker.give(task)
        while self._limits is not None and not _wait_for([self._worker], _POLL):
            if reason := self._worker.excess(self._limits):
                self._end()
                return Failure(reason)
        try:
            return self._worker.take()
        except EOFError:
            self._end()
            return CRASHED

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None


class _Worker:
    """A process that computes what it is given, seen from the process that started it."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(
            target=_work, args=(function, theirs, dict(os.environ)), daemon=True
        )
        # One thread at a time: the environment is the whole process's.
        with _STARTING, _surroundings():  # the server, where this starts it, keeps them
            self._process.start()
        theirs.close()
        self._greeted = False
        self._began = 0.0

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End the process, whatever it is doing."""
        if self.pipe.closed:
            return
        self._process.kill()
        self._process.join()
        self.pipe.close()

    def give(self, task: Any) -> None:
        """Hand it a task."""
        if not self._greeted:
            self._greet()
        payload = ForkingPickler.dumps(task)
        self._began = time.monotonic()
        with contextlib.suppress(OSError):  # it died idle: `take` finds that
            self.pipe.send_bytes(payload)

    def take(self) -> Any:
        """Return what it made of the task.

        Raises
        ------
        EOFError
            It died.
        """
        try:
            payload = self.pipe.recv_bytes()
        except OSError:  # in the middle of its answer
            raise EOFError from None
        try:
            return ForkingPickler.loads(payload)
        except Exception as error:
            return unforeseen(error)

    def excess(self, limits: Limits) -> str:
        """Return what its task has too much of, "" while that is nothing."""
        try:
            rss = psutil.Process(self._process.pid).memory_info().rss
        except psutil.Error:  # it died: `take` finds that
            return ""
        return limits.excess(rss, time.monotonic() - self._began)

    def _greet(self) -> None:
        """Wait until it has imported what it needs."""
        try:
            self.take()
        except EOFError:
            raise AvlibError(
                "no local worker process could be started; a reason may stand above. Scripts"
                ' start their work under `if __name__ == "__main__":`; AVLIB_WORKERS=0 uses one'
                " process"
            ) from None
        self._greeted = True


def _wait_for(workers: Collection[_Worker], seconds: float | None) -> list[_Worker]:
    """Wait until a worker has an answer or is dead; return all of which that is true.

    Where it takes more than some seconds none is returned.
    """
    ready = wait([worker.pipe for worker in workers], seconds)
    return [worker for worker in workers if worker.pipe in ready]


@contextlib.contextmanager
def _surroundings() -> Iterator[None]:
    """Give processes that start in the block our import path, one thread, and no Ctrl-C."""
    before = dict(os.environ)
    resource_tracker.ensure_running()  # which the server needs; starting it lets Ctrl-C through
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it waits for us
    os.environ.update(_ALONE, PYTHONPATH=os.pathsep.join(sys.path))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


# ---------------------------------------------------------------- inside a worker


def _work(function: Callable[[Any], Any], pipe: Connection, environment: dict[str, str]) -> None:
    from avlib.runtime.worker_server import search_for_garbage  # the server has it alone

    search_for_garbage()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()  # those of the server are of when it was started
    os.environ.update(environment, **ONE_THREAD)
    # Whoever gave the work may be killed at any moment; nobody is there to be told, then.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send(None)
        while True:
            outcome = attempt(function, pipe.recv())
            try:
                payload = ForkingPickler.dumps(outcome)
            except Exception as error:
                payload = ForkingPickler.dumps(unforeseen(error))
            pipe.send_bytes(payload)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
