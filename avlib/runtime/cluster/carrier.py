"""What runs inside a Dask worker: it hands chunks to a process beside it, and carries answers back.

A Dask worker keeps what it has imported, from whichever folder and of whichever age. So it imports
nothing of ours: the text of this file travels with every chunk, and ``CALL`` runs it. The process
beside it (`host.py`) starts in the client's folder, with the client's import path and the Dask
worker's interpreter and libraries, and ends when it has had nothing to do for a while.
"""

import os
import pickle
import queue
import subprocess
import sys
import threading
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

TEXT = Path(__file__).read_text(encoding="utf-8") if "__file__" in globals() else ""
CALL = "exec(text, names := {}) or names['carry'](start, work, chunk)"

_HOST = """
import pickle, sys
from multiprocessing.connection import Connection
doors = [Connection(int(number)) for number in sys.argv[1:]]
try:
    from avlib.runtime.cluster.host import main
except Exception as error:
    doors[0].send_bytes(pickle.dumps(f"{type(error).__name__}: {error}"))
else:
    main(doors)
"""


def carry(start: dict[str, Any], work: bytes, chunk: bytes) -> tuple[str, str, Any]:
    """Have a chunk computed.

    Parameters
    ----------
    start
        Of the host: ``run``, ``folder``, import ``path`` and ``environment``.
    work
        A pickled `work.Work`, for the host.
    chunk
        Pickled tasks, for the host.

    Returns
    -------
    address : str
        Of this Dask worker.
    what : str
        "done", "refused" or "died".
    answer
        What the host says of the chunk (pickled), or why it refuses.
    """
    from distributed import get_worker

    worker: Any = get_worker()
    address = worker.contact_address
    host, reason = _host(worker, start, work)
    if host is None:
        return address, "refused", reason
    door = host.idle.get()
    try:
        door.send_bytes(chunk)
        what, answer = pickle.loads(door.recv_bytes())
    except (EOFError, OSError):
        host.process.kill()  # a part of it may live
        host.process.wait()
        return address, "died", None
    host.idle.put(door)
    return address, what, answer


class _Host:
    """A process that computes for one run, and a door to it for each thread of this worker."""

    def __init__(self, start: dict[str, Any], threads: int) -> None:
        self.reason: Any = None
        pairs = [Pipe() for _ in range(threads)]
        theirs = [door.fileno() for _, door in pairs]
        path = [*start["path"], os.environ.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _HOST, *map(str, theirs)],
            cwd=start["folder"],
            env={
                **os.environ,
                **start["environment"],
                "PYTHONPATH": os.pathsep.join(entry for entry in path if entry),
            },
            pass_fds=theirs,
            stdin=subprocess.DEVNULL,
        )
        for _, door in pairs:
            door.close()
        self.doors = [door for door, _ in pairs]
        self.idle: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def greet(self, work: bytes) -> None:
        """Give it the work; it says why it refuses, if it does."""
        try:
            self.doors[0].send_bytes(work)
            self.reason = pickle.loads(self.doors[0].recv_bytes())
        except (EOFError, OSError):
            self.reason = "its process for the work ended as it began; its own log may say why"
        for door in self.doors:
            self.idle.put(door)


def _host(worker: Any, start: dict[str, Any], work: bytes) -> tuple[Any, Any]:
    """Return this worker's host for the run, started if need be, or why there is none."""
    lock, hosts = vars(worker).setdefault("_avlib_hosts", (threading.Lock(), {}))
    with lock:
        for run, host in list(hosts.items()):
            if host.process.poll() is not None and host.reason is None:
                del hosts[run]  # it ended: idle, or by accident
        if start["run"] not in hosts:
            try:
                host = _Host(start, worker.state.nthreads)
            except OSError as error:
                return None, f"sees no folder {start['folder']}: {error.strerror}"
            host.greet(work)
            hosts[start["run"]] = host
        host = hosts[start["run"]]
    return (host, None) if host.reason is None else (None, host.reason)
