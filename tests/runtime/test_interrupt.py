"""Ctrl-C while a stage or a command imports libraries is one line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Tells when a library is being imported, and takes its time, as a large one does.
SLOW = "import pathlib, time\npathlib.Path('importing').touch()\ntime.sleep(60)\n"


@pytest.mark.parametrize(("command", "library"), [("stages.speech", "av"), ("avlib", "typer")])
def test_ctrl_c_during_imports_is_one_line(tmp_path, command, library):
    (tmp_path / f"{library}.py").write_text(SLOW)
    with subprocess.Popen(
        [sys.executable, "-m", command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tmp_path, ROOT)))},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        deadline = time.monotonic() + 50
        while not (tmp_path / "importing").exists():
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=50)
    assert running.returncode == 130
    assert said == "interrupted; run again to go on\n"
