"""Map a function over clips, on this machine's processors or on a Dask cluster.

By default single-threaded processes do the work, one per processor. Environment variables, none of
which changes a result:

``AVLIB_WORKERS``
    Number of local processes. 0 computes inside the calling process: quick for tests, but a crash
    of a C library then takes the whole run with it.
``AVLIB_SCHEDULER``
    Address of a running Dask scheduler, e.g. ``tcp://10.0.0.1:8786``. Its workers need this
    project's environment, and the same files under the same paths.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Generator, Sequence
from typing import Any

from avlib.runtime.attempt import Failure, attempt
from avlib.runtime.errors import ParamsError
from avlib.runtime.limits import Limits
from avlib.runtime.local_workers import map_locally
from avlib.runtime.progress import Progress
from avlib.runtime.threads import single_thread


def map_clips(
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    *,
    label: str,
    name: Callable[[Any], str] = str,
    unit: str = "clips",
    at_once: int | None = None,
    limits: Limits | None = None,
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
    limits
        What a task may take in a local process before it fails. Inside the calling process nothing
        watches over it; a cluster's workers have limits of their own.
    at_once
        How many tasks at most are under way, as each takes a whole device of this machine: 1 inside
        the calling process, more in one local process each.

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
    if not tasks:
        return
    workers = _local_workers() if at_once is None else at_once if at_once > 1 else 0
    scheduler = os.environ.get("AVLIB_SCHEDULER", "") if at_once is None else ""
    with Progress(label, len(tasks), unit) as progress, contextlib.ExitStack() as stack:
        outcomes: Generator[tuple[int, Any]]
        if scheduler:
            from avlib.runtime.cluster import map_on_cluster  # importing Dask takes a second

            outcomes = map_on_cluster(function, enumerate(tasks), scheduler)
        elif workers:
            outcomes = map_locally(function, enumerate(tasks), min(workers, len(tasks)), limits)
        else:
            stack.enter_context(single_thread())
            outcomes = ((index, attempt(function, task)) for index, task in enumerate(tasks))
        stack.enter_context(contextlib.closing(outcomes))  # whoever stops early ends the workers
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
