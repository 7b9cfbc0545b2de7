"""What is drawn over time on the page of a recording, as outlines of SVG."""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from avlib.recognizer.recognizer import Recognised, Said
from avlib.recognizer.traces import RATE, Traces

WIDTH = 10_000
_COLUMNS = 2000  # of the sound, at most
_LEAST = 1e-3  # s that a recording is long


def spans(intervals: Iterable[tuple[float, float]], duration: float) -> str:
    """Return rectangles over intervals, s; 1 is the whole recording, and their height."""
    length = max(duration, _LEAST)
    edges = ((max(a, 0.0) / length, min(b / length, 1.0)) for a, b in intervals)
    return "".join(f"M{a:.6f} 0H{b:.6f}V1H{a:.6f}Z" for a, b in edges)


def unsaid(found: Recognised, every: float) -> list[tuple[float, float]]:
    """Return the intervals around moments of which nothing can be said, s."""
    return [
        (time - every / 2, time + every / 2)
        for time, said in zip(found.times.tolist(), found.moments, strict=True)
        if said.probabilities is None
    ]


def thinned(found: Recognised, most: int = 600) -> tuple[Recognised, int]:
    """Return at most so many moments, each the mean of some, and of how many."""
    step = max(1, math.ceil(len(found.moments) / most))
    if step == 1:
        return found, 1
    starts = range(0, len(found.moments), step)
    times = np.array([found.times[start : start + step].mean() for start in starts])
    moments = []
    for start in starts:
        said = [m.probabilities for m in found.moments[start : start + step]]
        scored = [values for values in said if values is not None]
        moments.append(Said(np.mean(scored, axis=0) if scored else None))
    return replace(found, times=times, moments=moments), step


def lines(found: Recognised, every: float, n_emotions: int) -> list[str]:
    """Return a line for each emotion, in a box of `WIDTH` x 100: a probability of 1 is on top."""
    scale = WIDTH / max(found.traces.duration, _LEAST)
    drawn = [""] * n_emotions
    for piece in _pieces(found, every):
        for number in range(n_emotions):
            points = (f"{scale * time:.1f} {100 - 100 * said[number]:.1f}" for time, said in piece)
            drawn[number] += f"M{'L'.join(points)}"
    return drawn


def _pieces(found: Recognised, every: float) -> Iterator[list[tuple[float, np.ndarray]]]:
    """Yield the moments between gaps; half a step before and after them, their ends are held."""
    moments = zip(found.times.tolist(), found.moments, strict=True)
    for is_gap, group in itertools.groupby(moments, lambda moment: moment[1].probabilities is None):
        if not is_gap:
            piece = [(time, np.asarray(said.probabilities)) for time, said in group]
            start = max(piece[0][0] - every / 2, 0.0), piece[0][1]
            end = min(piece[-1][0] + every / 2, found.traces.duration), piece[-1][1]
            yield [start, *piece, end]


def envelope(traces: Traces) -> str:
    """Return the outline of the sound, in a box of `WIDTH` x 2: it is loudest at -1 and 1."""
    columns = list(_columns(traces))
    peak = max((value for _, value in columns), default=0.0) or 1.0
    upper = [f"{x:.1f} {-value / peak:.3f}" for x, value in columns]
    lower = [f"{x:.1f} {value / peak:.3f}" for x, value in reversed(columns)]
    return "M" + "L".join(upper + lower) + "Z" if columns else ""


def _columns(traces: Traces) -> Iterator[tuple[float, float]]:
    """Yield places and loudest samples, few enough for a page however long the recording is."""
    scale = WIDTH / max(traces.duration, _LEAST)
    step = max(1, math.ceil(traces.duration * RATE / _COLUMNS))
    for start, values in traces.envelope:
        for i in range(0, len(values), step):
            x = min(scale * (start + (i + step / 2) / RATE), WIDTH)
            yield x, float(values[i : i + step].max())
