"""The way into a cluster: from what is to be mapped to a run of it."""

import contextlib
import logging
import os
import pickle
import sys
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from distributed import Client

import avlib
from avlib.runtime import paths
from avlib.runtime.attempt import one_line
from avlib.runtime.cluster.client import Run
from avlib.runtime.cluster.crew import Crew
from avlib.runtime.cluster.work import Work, digest, modules_named_in, origin_of
from avlib.runtime.errors import AvlibError, ParamsError
from avlib.runtime.limits import Limits

_CONNECT = 10.0  # seconds that a scheduler may take to answer
_PATIENCE = 600.0  # seconds to wait for a worker, where nothing else is said


def map_on_cluster(
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    address: str,
    *,
    label: str,
    code: Sequence[Callable[..., Any]],
    device: str = "",
    limits: Limits | None = None,
) -> Generator[tuple[int, Any]]:
    """Yield the index of each task and its result, or its `Failure`, in no particular order.

    Parameters
    ----------
    function, tasks, limits
        As of `parallel.map_clips`.
    address
        The scheduler's.
    label
        What the work is called on the scheduler's pages.
    code
        Functions and classes whose modules results come from, besides those that `function` and the
        first task name.
    device
        Kind of device of which each task takes one whole: workers declare as a resource of this
        name how many they have.

    Raises
    ------
    AvlibError
        No scheduler answers at the address, it goes away, or no worker can do the work.
    """
    _hush()
    pickled = pickle.dumps(function)
    ours = modules_named_in(pickled) | modules_named_in(pickle.dumps(tasks[0]))
    modules = tuple(sorted({piece.__module__ for piece in code} | ours))
    origin = origin_of(modules)
    environment, numerics = _device_settings(origin["libraries"], bool(device))
    start = {
        "run": uuid.uuid4().hex,
        "folder": str(Path.cwd()),
        "path": _import_path(),
        "environment": environment,
    }
    with contextlib.ExitStack() as stack:
        work = Work(
            pickled,
            modules,
            digest(origin["code"]),
            tuple(sorted(origin["libraries"].items())),
            numerics,
            bool(device),
            limits,
            stack.enter_context(_token()),
        )
        client = stack.enter_context(_client(address))
        crew = Crew(client, address, device, _patience())
        run = Run(client, crew, start, pickle.dumps(work), origin, tasks, label)
        yield from run.outcomes()


def _client(address: str) -> Client:
    try:
        return Client(address, timeout=_CONNECT)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        hint = "start one with `dask scheduler`"
        if address.startswith("tls:"):
            hint = (
                "start one with certificates, and name yours in Dask's settings"
                " distributed.comm.tls (docs/cluster.md)"
            )
        raise AvlibError(
            f"AVLIB_SCHEDULER={address}: no scheduler answers there ({one_line(error)});"
            f" {hint}, or unset the variable to use local processes"
        ) from None


def _patience() -> float:
    given = os.environ.get("AVLIB_SCHEDULER_WAIT", "") or str(_PATIENCE)
    try:
        return float(given)
    except ValueError:
        raise ParamsError(
            f"AVLIB_SCHEDULER_WAIT={given}: expected seconds to wait for a worker, e.g. 3600"
        ) from None


def _import_path() -> list[str]:
    """Return where we import from, besides libraries: workers have these of their own."""
    root = str(Path(str(avlib.__file__)).parents[1])  # an import hook may lead to it, and no entry
    found = dict.fromkeys(str(Path(entry or ".").absolute()) for entry in [root, *sys.path])
    own = {str(Path(prefix).absolute()) for prefix in (sys.prefix, sys.base_prefix)}
    return [
        entry
        for entry in found
        if Path(entry).exists() and not any(Path(entry).is_relative_to(p) for p in own)
    ]


def _device_settings(libraries: dict[str, str], on_device: bool) -> tuple[dict[str, str], str]:
    """Return what makes a worker compute as we do, and what it has to find then (`Work.numerics`).

    A worker with a GPU computes on its processor for a client that does: that needs no look, for
    which it would have to load torch.
    """
    if "torch" not in libraries:
        return {}, ""
    from avlib.runtime.device import device, kind, numerics, precision, spelled

    if kind(device()) == "cpu":
        return ({}, numerics()) if on_device else ({"AVLIB_DEVICE": "cpu"}, "")
    return {"AVLIB_PRECISION": spelled(precision())}, numerics()


@contextlib.contextmanager
def _token() -> Iterator[tuple[str, str] | None]:
    """Leave a word in the memory's folder: a worker that reads it there shares the folder."""
    if not paths.MEMO.is_dir():
        yield None
        return
    word = uuid.uuid4().hex
    with tempfile.NamedTemporaryFile("w", dir=paths.MEMO, prefix=".shared-") as file:
        file.write(word)
        file.flush()
        yield str(paths.MEMO / Path(file.name).name), word


def _hush() -> None:
    """Keep Dask's log off the user's terminal; what matters there is reported by us."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)
