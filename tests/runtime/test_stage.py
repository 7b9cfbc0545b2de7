import os
import subprocess
import sys
from pathlib import Path

import pytest

from avlib.runtime.errors import DataError
from avlib.runtime.stage import run


def fails():
    raise DataError("no such table")


def test_git_sees_what_a_failed_experiment_left_in_params(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = Path("params.yaml")
    params.write_text("dim: 100\n")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "."], check=True)
    # What Git remembers of a file is when it was written, and how long it is; a second later its
    # list is of a time at which the file cannot have changed unseen.
    subprocess.run(["git", "config", "core.checkStat", "minimal"], check=True)
    written = params.stat()
    os.utime(".git/index", (written.st_mtime + 2, written.st_mtime + 2))
    params.write_text("dim: 200\n")
    os.utime(params, ns=(written.st_atime_ns, written.st_mtime_ns))
    changed = ["git", "diff", "--quiet"]
    assert subprocess.run(changed).returncode == 0  # it does not see it
    with pytest.raises(SystemExit):
        run(fails)
    assert subprocess.run(changed).returncode == 1


def test_python_looks_for_no_garbage_among_the_libraries_at_the_end():
    code = """
import atexit, gc
atexit.register(lambda: print(len(gc.get_objects())))  # asked last: it was registered first
from avlib.runtime.stage import run
def main():
    import pandas
run(main)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 1000  # of tens of thousands
