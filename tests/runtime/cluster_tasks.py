"""What workers of a cluster are given in tests; imports little, since each of them imports it."""

import os
import signal
import subprocess
import time
from pathlib import Path

from avlib.runtime.errors import MediaError


def odd():
    return "AVLIB_TEST_ODD" in os.environ


def where(task):
    """Return the version that is imported and where we are, once both workers could be at it."""
    time.sleep(0.2)
    return odd(), str(Path.cwd())


def where_with_psutil(task):
    import psutil  # noqa: F401 - a library that results come from

    return where(task)


def read(path):
    """Read a file; the odd worker does not see what lies in a folder ``hidden``."""
    if odd() and "hidden" in str(path):
        real = Path.exists
        Path.exists = lambda self: "hidden" not in str(self) and real(self)
        raise MediaError(f"{path}: there is no such file")
    if not Path(path).exists():
        raise MediaError(f"{path}: there is no such file")
    return Path(path).read_text()


def blind(path):
    Path.exists = lambda self: False
    open(f"{path}, which is not there")  # noqa: PTH123, SIM115 - it raises


def fail_if_odd(task):
    if odd():
        raise ValueError("no room")
    time.sleep(0.05)
    return task


def meet(payload, folder):
    """Wait until two folds are under way; note the device."""
    Path(payload["here"], f"{payload['fold']}").touch()
    until = time.monotonic() + 600
    while len(list(Path(payload["here"]).iterdir())) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    from avlib.runtime.device import device

    (folder / "device.txt").write_text(f"{device()} {os.environ.get('AVLIB_TEST_ODD')}")


def on_device(task):
    import torch  # noqa: F401 - by which the device counts

    from avlib.runtime.device import device

    return device()


def gather(task):
    """Wait until some tasks are under way together; return the process."""
    number, here, together = task
    (here / str(number)).touch()
    until = time.monotonic() + 600
    while len(list(here.iterdir())) < together:
        assert time.monotonic() < until
        time.sleep(0.01)
    return os.getpid()


def slow_later(task):
    time.sleep(0.3 if task >= 100 else 0)
    return task


def poison(task):
    if task % 25 == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def end_the_host(path):
    """End the process beside the Dask worker, once."""
    if path and not path.exists():
        path.touch()
        host = int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(os.getppid())]))
        os.kill(host, signal.SIGKILL)
        time.sleep(600)
    return path
