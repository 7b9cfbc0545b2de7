"""A `dvc repro` that finds nothing to do, against the start of DVC itself."""

import json
import subprocess
import sys

from benchmarks import ROOT
from benchmarks.machine import take_turns
from benchmarks.table import Table

ROUNDS = 3
TITLE = "`dvc repro` with nothing to do."


def tables() -> list[Table]:
    """Time it in this checkout, where the pipeline has run and nothing was changed since."""
    status = dvc("status", "--json")
    if status.returncode:
        print(status.stderr, file=sys.stderr)  # holds paths, which the page must not
        return [Table(TITLE, "Not measured: `dvc status` failed; its words are on the terminal.")]
    if changed := json.loads(status.stdout):
        reason = f"`dvc status` names {len(changed)} stages to run; run `dvc repro` first."
        return [Table(TITLE, f"Not measured: {reason}")]

    times = take_turns(
        {
            "`dvc --version`": lambda: dvc("--version"),
            "`dvc status`": lambda: dvc("status"),
            "`dvc repro`": lambda: dvc("repro"),
        },
        ROUNDS,
    )
    floor = times["`dvc --version`"]
    return [
        Table(
            TITLE,
            f"Whatever is above 1 is spent on looking at the stages. Best of {ROUNDS}.",
            ["command", "s", "times the start of DVC"],
            [[name, f"{time:.2f}", f"{time / floor:.1f}"] for name, time in times.items()],
        )
    ]


def dvc(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run DVC in this checkout."""
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
