"""The search for copies among all clips of a large corpus: time and memory."""

import os
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from avlib.copies import pictures, sound
from avlib.copies.corpus import copies_among
from benchmarks.table import Table

SIZES = (5_000, 10_000)  # clips; the second is a corpus larger than CREMA-D
COPIES = 100  # of the clips, besides
PLACES = {
    "sound": sound.MOMENTS * sound.BANDS,
    "pictures": pictures.MOMENTS * pictures.SIDE**2,
}


def tables() -> list[Table]:
    """Search fingerprints that are made up, among them some copies."""
    rows = []
    for n_clips in SIZES:
        fingerprints = made(n_clips)
        begin, cpu = perf_counter(), process_time()
        with threadpool_limits(os.cpu_count()):
            found = copies_among(fingerprints)
        seconds, cpu = perf_counter() - begin, process_time() - cpu
        assert len(found) == 2 * len(PLACES) * COPIES
        peak = getrusage(RUSAGE_SELF).ru_maxrss / 2**20
        rows.append([f"{n_clips:,}", f"{seconds:.0f}", f"{cpu:.0f}", f"{peak:.2f}"])
    return [
        Table(
            f"Fingerprints of sound and of pictures, {os.cpu_count()} threads.",
            "Target for 10,000 clips: one minute and 1.5 GiB, the whole process's peak. All"
            " are compared with all: time grows with the square of their number.",
            ["clips", "s", "CPU s", "GiB"],
            rows,
        )
    ]


def made(n_clips: int) -> pd.DataFrame:
    """Return fingerprints, of which the last `COPIES` are the first ones with some noise."""
    rng = np.random.default_rng(0)
    columns = {}
    for medium, places in PLACES.items():
        steps = [32 * rng.standard_normal(places, np.float32) for _ in range(COPIES)]
        columns[medium] = [
            np.clip(np.rint(row), -127, 127).astype(np.int8).tobytes()
            for row in (
                *steps,
                *(
                    32 * rng.standard_normal(places, np.float32)
                    for _ in range(n_clips - 2 * COPIES)
                ),
                *(row + 10 * rng.standard_normal(places, np.float32) for row in steps),
            )
        ]
    return pd.DataFrame({"clip_id": [f"{number:06}" for number in range(n_clips)], **columns})
