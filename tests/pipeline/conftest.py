"""A working copy of the project with a tiny demo corpus, for running DVC for real."""

import contextlib
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from checkout import Checkout, copy_project
from starter import start_server


@pytest.fixture(scope="session")
def finished(tmp_path_factory, starter) -> Checkout:
    """A checkout whose pipeline has run once; tests must leave it as it is.

    Processes that test side by side share it: the first one makes it, the others wait.
    """
    with one_at_a_time(tmp_path_factory, "finished") as shared:
        folder, said = shared / "finished", shared / "finished.txt"
        if not said.is_file():
            shutil.rmtree(folder, ignore_errors=True)  # one that failed
            checkout = copy_project(folder)
            checkout.starter = starter
            stdout = checkout.dvc("repro").stdout
            checkout.commit("first run")
            said.write_text(stdout)
    return Checkout(folder, first_run=said.read_text())


@pytest.fixture(scope="session")
def starter(tmp_path_factory) -> Path:
    """The folder of a `python` that starts stages and DVC at once; shared like `finished`."""
    with one_at_a_time(tmp_path_factory, "starter") as shared:
        folder = shared / "starter"
        if not (folder / "socket").exists():
            folder.mkdir(exist_ok=True)
            start_server(folder, os.getppid() if side_by_side() else os.getpid())
    return folder


def side_by_side() -> bool:
    """Tell whether this process is one of several that test, of one parent."""
    return "PYTEST_XDIST_WORKER" in os.environ


@contextlib.contextmanager
def one_at_a_time(tmp_path_factory, what: str):
    """Give the folder that processes testing side by side share, to one of them at a time."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if side_by_side() else own
    with (shared / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared


@pytest.fixture
def clone(finished, starter, tmp_path) -> Checkout:
    """A copy of the finished checkout, with its data, cache and memo, to change at will."""
    folder = tmp_path / "clone"
    subprocess.run(["cp", "-a", str(finished.folder), str(folder)], check=True)
    return Checkout(folder, starter=starter)
