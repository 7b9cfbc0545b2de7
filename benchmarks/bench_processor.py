"""What it costs that libraries compute alike on all processors."""

import json
import os
import subprocess
import sys

from avlib.runtime.processor import CPUINFO, NUMPY, SAME_ARITHMETIC, instructions
from benchmarks.table import Table

ROUNDS = 3
TITLE = "Libraries as they find the processor, and as `avlib/runtime/processor.py` holds them."
# Knows nothing of avlib, which would hold them.
CHILD = """
import json, time
import numpy as np, torch
from threadpoolctl import threadpool_limits

torch.set_num_threads(1)
torch.manual_seed(0)
random = np.random.default_rng(0)
single, double = random.random((1200, 1200), "f4"), random.random((1200, 1200))
many = random.random(10**6)
matrix, pictures = torch.rand(1000, 1000), torch.rand(16, 32, 64, 64)
films, frames = torch.rand(2, 16, 16, 48, 48), torch.rand(32, 100, 64)
flat, deep = torch.nn.Conv2d(32, 64, 3, padding=1), torch.nn.Conv3d(16, 32, 3, padding=1)
gru = torch.nn.GRU(64, 128, batch_first=True)
work = {
    "NumPy, matrix product, float32": lambda: single @ single,
    "NumPy, matrix product, float64": lambda: double @ double,
    "NumPy, logarithm": lambda: np.log(many),
    "torch, matrix product": lambda: matrix @ matrix,
    "torch, training step of a 2-D convolution": lambda: flat(pictures).sum().backward(),
    "torch, training step of a 3-D convolution": lambda: deep(films).sum().backward(),
    "torch, training step of a GRU": lambda: gru(frames)[0].sum().backward(),
}

def seconds(function):
    begun = time.process_time()
    function()
    return time.process_time() - begun

with threadpool_limits(1):
    print(json.dumps({name: min(seconds(f) for _ in range(7)) for name, f in work.items()}))
"""


def tables() -> list[Table]:
    """Measure both in turns, each in a process of its own, on one thread."""
    if not {"avx2", "fma"} <= instructions(CPUINFO):
        return [Table(TITLE, "Not measured: without AVX2 libraries stay as they are.")]
    held = dict(os.environ)
    found = {name: value for name, value in held.items() if name not in {*SAME_ARITHMETIC, NUMPY}}
    rounds = [(times(found), times(held)) for _ in range(ROUNDS)]
    rows = []
    for name in rounds[0][0]:
        wide, narrow = (min(pair[which][name] for pair in rounds) for which in (0, 1))
        rows.append([name, f"{1000 * wide:.1f}", f"{1000 * narrow:.1f}", f"{narrow / wide:.2f}"])
    return [
        Table(
            TITLE,
            f"CPU time on one thread, best of {ROUNDS} processes in turns.",
            ["work", "as found, ms", "held, ms", "ratio"],
            rows,
        )
    ]


def times(environment: dict[str, str]) -> dict[str, float]:
    """Return CPU seconds by kind of work, in a new process."""
    command = [sys.executable, "-c", CHILD]
    found: dict[str, float] = json.loads(subprocess.check_output(command, env=environment))
    return found
