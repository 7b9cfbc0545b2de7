"""Time and peak memory at 50, 200 and 800 clips, and the exponents of both."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from avlib.corpora.demo.generate import render_clip
from avlib.corpora.demo.plan import clip_plan
from benchmarks import ROOT
from benchmarks.scaling import Cost, exponent, run_measured
from benchmarks.table import Table

SIZES = (50, 200, 800)
START = 2  # clips of the run whose time counts as start-up: one for each worker
RECORDINGS = 4
STEPS = {
    "audio": "Stages speech and audio_features, two workers.",
    "fisher": "One fold of stage fisher, audio alone, one process.",
}


def tables(sizes: Sequence[int] = SIZES) -> list[Table]:
    """Run both steps as commands of their own at every size."""
    with TemporaryDirectory() as folder:
        recordings = Path(folder) / "recordings"
        for clip in clip_plan(subjects=RECORDINGS, takes=1, seconds=(2.0, 3.0), seed=0)[::6]:
            render_clip(clip, recordings, seed=0)
        found = {n: measure(Path(folder), n) for n in (START, *sizes)}
    return [
        table(title, {n: costs[step] for n, costs in found.items()})
        for step, title in STEPS.items()
    ]


def measure(folder: Path, n_clips: int) -> dict[str, Cost]:
    """Run the steps on N clips, in a folder of their own; return the cost of each."""
    place = folder / str(n_clips)
    place.mkdir()
    (place / "recordings").symlink_to(folder / "recordings")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("AVLIB_SCHEDULER", None)
    return {
        step: run_measured(
            [sys.executable, "-m", "benchmarks.scale_step", step, str(n_clips)], place, environment
        )
        for step in STEPS
    }


def table(title: str, costs: Mapping[int, Cost]) -> Table:
    """Lay one step out: what N clips cost, and how it grows.

    Parameters
    ----------
    title
        What the step is.
    costs
        By number of clips; that of `START` clips counts as start-up.
    """
    start = costs[START]
    sizes = [n for n in costs if n != START]
    rows = [
        [str(n), f"{costs[n].seconds:.1f}", f"{costs[n].cpu:.1f}", f"{costs[n].peak / 2**20:.0f}"]
        for n in sizes
    ]
    further = [n - START for n in sizes]
    exponents = [
        exponent(further, [costs[n].seconds - start.seconds for n in sizes]),
        exponent(further, [costs[n].cpu - start.cpu for n in sizes]),
        exponent(sizes, [costs[n].peak for n in sizes]),
    ]
    growth = (costs[sizes[-1]].peak - costs[sizes[0]].peak) / (sizes[-1] - sizes[0])
    return Table(
        title,
        f"Exponents: of time, the slope of log(s - start) over log(clips - {START}), where start is"
        f" the same command over {START} clips ({start.seconds:.1f} s, {start.cpu:.1f} CPU s), 1 is"
        " linear; of memory, the slope of log(peak of all processes) over log(clips), 0 is"
        f" constant. The peak grew by {growth / 2**10:.0f} KiB a clip.",
        ["clips", "s", "CPU s", "peak MiB"],
        [*rows, ["exponent", *(f"{value:.2f}" for value in exponents)]],
    )
