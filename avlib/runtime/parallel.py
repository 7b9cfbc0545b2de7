"""Map a function over clips, on this machine's processors or on a Dask cluster.

By default single-threaded processes do the work, one per processor. Environment variables, none of
which changes a result:

``AVLIB_WORKERS``
    Number of local processes. 0 computes inside the calling process: quick for tests, but a crash
    of a C library then takes the whole run with it.
``AVLIB_SCHEDULER``
    Address of a running Dask scheduler, e.g. ``tcp://10.0.0.1:8786``. Its workers need the same
    library versions, and the same files under the same paths (docs/cluster.md).
``AVLIB_SCHEDULER_WAIT``
    How long to wait where that scheduler has no worker, s.
"""

import contextlib
import functools
import logging
import os
from collections.abc import Callable, Collection, Generator, Sequence
from typing import Any

from avlib.runtime.attempt import Failure, attempt
from avlib.runtime.errors import ParamsError
from avlib.runtime.limits import Limits
from avlib.runtime.local_workers import map_locally, start_server
from avlib.runtime.progress import Progress
from avlib.runtime.threads import single_thread


def map_clips(
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    *,
    label: str,
    name: Callable[[Any], str] = str,
    unit: str = "clips",
    devices: Sequence[str] = (),
    code: Sequence[Callable[..., Any]] = (),
    limits: Limits | None = None,
    apart: bool = True,
    sharing: bool = False,
) -> Generator[tuple[int, Any]]:
    """Yield ``(index, result)`` for each task as it completes, in no particular order.

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
    devices
        Of which a task takes one whole: here with one device in the calling process, with more in a
        process each; on a cluster on workers that declare devices of that kind.
    code
        Functions and classes whose modules the results come from; by default `function`. A
        cluster's workers compute only where they have the same code and libraries.
    limits
        What a task may take before it fails. Inside the calling process nothing watches over it.
    apart
        Whether a lone task has a process of its own too, as one needs that may crash. Where it has
        none, it need not load what the calling process has loaded already.
    sharing
        Whether two tasks may share a processor where all of them are at work at once then: three
        on two processors end sooner together than the third alone after the others. They need
        the memory at once, too. Devices are never shared, nor is a number of processes exceeded
        that the user chose.

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
    scheduler = os.environ.get("AVLIB_SCHEDULER", "")
    with Progress(label, len(tasks), unit) as progress, contextlib.ExitStack() as stack:
        outcomes: Generator[tuple[int, Any]]
        if scheduler:
            outcomes = _on_cluster(function, tasks, scheduler, label, code, devices, limits)
        elif (workers := local_workers(devices)) and (apart or len(tasks) > 1):
            if devices:
                function = functools.partial(_on_device, function, tuple(devices))
            modules = [piece.__module__ for piece in code]
            crowd = 2 * workers if sharing and not devices and not _chosen() else workers
            if len(tasks) < crowd:
                workers = len(tasks)
            progress.at_once = workers
            outcomes = map_locally(function, enumerate(tasks), workers, limits, modules)
        else:
            stack.enter_context(single_thread())
            if devices:
                function = functools.partial(_on_device, function, tuple(devices))
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


def expect_work(modules: Collection[str], devices: Sequence[str] = ()) -> None:
    """Let modules be imported for the processes of `map_clips`, while this one goes on.

    Parameters
    ----------
    modules
        Which the work needs. Once this was said, nothing else is imported before it begins.
    devices
        As of `map_clips`.
    """
    if not os.environ.get("AVLIB_SCHEDULER") and local_workers(devices):
        start_server(modules)


def _on_cluster(
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    scheduler: str,
    label: str,
    code: Sequence[Callable[..., Any]],
    devices: Sequence[str],
    limits: Limits | None,
) -> Generator[tuple[int, Any]]:
    from avlib.runtime.cluster.connect import map_on_cluster  # importing Dask takes a second

    device = ""
    if devices:
        from avlib.runtime.device import kind  # loads torch: seconds

        device = kind(devices[0])
    return map_on_cluster(
        function,
        tasks,
        scheduler,
        label=label,
        code=code or [function],
        device=device,
        limits=limits,
    )


def _on_device(function: Callable[[Any], Any], devices: Sequence[str], task: Any) -> Any:
    """Compute on one of the devices, which nobody else uses meanwhile."""
    from avlib.runtime.device import claimed  # loads torch: seconds

    with claimed(devices):
        return function(task)


def local_workers(devices: Sequence[str]) -> int:
    """Return the number of local processes to use; 0: none but the calling one."""
    if devices:
        return len(devices) if len(devices) > 1 else 0
    from dask.system import CPU_COUNT

    given = _chosen() or str(CPU_COUNT)
    if not given.isdecimal():
        raise ParamsError(f"AVLIB_WORKERS={given}: expected a number of processes, e.g. 2")
    return int(given)


def _chosen() -> str:
    """Return how many local processes the user wants; empty where that is left open."""
    return os.environ.get("AVLIB_WORKERS", "")
