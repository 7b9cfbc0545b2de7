"""Which time stamps of a stream are to be believed.

Stamps are cut into runs that go on evenly. Of the runs those are believed that leave the fewest
stamps to be disbelieved (dynamic programming over the runs), where a gap costs nothing, and a step
back that stays, a recorder that was started again, as much as some seconds of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avlib.media.demux import SLOWEST

# s that stamps may be off without being wrong: those in milliseconds jitter.
TOLERANCE = 0.05
# s; a jump further than this needs so many stamps behind it, or the other stream's, to be believed.
FAR = 10.0
WITNESSES = 3
# s; nobody leaves a recorder on for longer without recording anything: it is a clock set anew.
# Sooner so where there is another stream, and that one has ended.
_LONGEST_GAP, _LONGEST_ALONE = 3600.0, 60.0
# Stamps that a new start of the recorder costs: a quarter of them, within these bounds.
_RESTART = (10, 100)
# s by which stamps that return may miss the moment that was due.
_RETURN = 0.5
_SPLICED = 1.0  # s by which stamps step back where recordings were cut together
# At the start of a file so many stamps may be damage; more are a recording of their own.
_DAMAGED_START = 5
_SENSIBLE = 0.4  # share of the stamps that is to be believed, if any is
_MOST_BACK = 500  # steps back that are looked at, where they are more than one of four
_LOOK_BACK = 64  # runs that one is compared with


def usual_step(stamps: np.ndarray) -> float:
    """Return the median of the steps forward, 0 where there is none; unknown stamps are NaN."""
    steps = np.diff(stamps[np.isfinite(stamps)])
    return min(float(np.median(steps[steps > 0])), SLOWEST) if (steps > 0).any() else 0.0


def shifts(stamps: np.ndarray, reach: float, step: float = 0.0) -> list[tuple[int, float | None]]:
    """Say how wrong stamps are.

    Parameters
    ----------
    stamps : float array of shape (n_packets,)
        s, in the file's order, which is that of their content; NaN where a packet has none, inf
        where it is known to be damaged.
    reach : float
        Until when the recording's other stream goes on for certain, s; -inf without one.
    step : float
        Length of a packet, s, where all have the same; 0: the median of the steps.

    Returns
    -------
    list of (int, float or None)
        What is to be added from this packet on, s; None where stamps mean nothing, so that each
        packet follows on the one before. Empty where all are right.
    """
    known = np.isfinite(stamps)
    sure, damaged = stamps[known], np.isinf(stamps)
    steps = np.diff(sure)
    if not len(steps):
        return [(0, None)] if damaged.any() else []
    standing = (steps == 0).mean() > 0.5 and len(steps) > 1
    if standing or (steps < 0).sum() > max(_MOST_BACK, len(steps) / 4):
        return [(0, None)]
    if (
        not damaged.any()
        and steps.min() >= -TOLERANCE
        and steps.max() <= _far(step or usual_step(sure))
    ):
        return []
    added = np.full(len(stamps), np.nan)
    added[known] = _added(_runs(sure, step), sure, reach)
    if np.isfinite(added).sum() < _SENSIBLE * len(sure):
        return [(0, None)]
    # A packet without a stamp has nothing to be corrected.
    told = np.flatnonzero(known | damaged)
    values = [None if np.isnan(value) else float(value) for value in added[told]]
    changes = [
        (int(number), value)
        for place, (number, value) in enumerate(zip(told, values, strict=True))
        if place == 0 or value != values[place - 1]
    ]
    return changes if any(value != 0 for _, value in changes) else []


@dataclass(frozen=True)
class _Runs:
    """Runs of stamps that go on evenly: places of the first and after the last, times, s."""

    first: list[int]
    after: list[int]
    start: list[float]
    end: list[float]  # when the last packet's content ends
    step: float  # of one packet
    restart: int  # how many stamps a new start costs


def _far(step: float) -> float:
    return max(FAR, 3 * step)  # pictures may be taken once a minute


def _runs(stamps: np.ndarray, step: float) -> _Runs:
    steps = np.diff(stamps)
    even = step or (float(np.quantile(steps[steps > 0], 0.9)) if (steps > 0).any() else 0.0)
    even = min(even, SLOWEST)
    cuts = np.flatnonzero((steps < -TOLERANCE) | (steps > even + TOLERANCE)) + 1
    first, after = np.r_[0, cuts], np.r_[cuts, len(stamps)]
    step = step or usual_step(stamps)
    restart = int(np.clip(len(stamps) // 4, *_RESTART))
    start, end = stamps[first].tolist(), (stamps[after - 1] + step).tolist()
    return _Runs(first.tolist(), after.tolist(), start, end, step, restart)


def _added(runs: _Runs, stamps: np.ndarray, reach: float) -> np.ndarray:
    """Return what is to be added to each stamp, s; NaN where it means nothing."""
    chain = _believed(runs, stamps, reach)
    added = np.full(len(stamps), np.nan)
    shift = 0.0
    for place, run in enumerate(chain):
        if place:
            before = chain[place - 1]
            ahead = runs.start[run] - runs.end[before]
            due = (runs.first[run] - runs.after[before]) * runs.step
            late = _late(runs, stamps, before, run)
            if late >= runs.restart or _set_anew(runs, before, run, reach):
                shift += due - ahead
            elif late:
                added[runs.after[before] - late : runs.after[before]] = np.nan
        added[runs.first[run] : runs.after[run]] = shift
    # What comes before the first believed run leads up to it.
    start = runs.start[chain[0]]
    for run in range(chain[0] - 1, -1, -1):
        added[runs.first[run] : runs.after[run]] = start - runs.end[run]
        start = runs.start[run] + start - runs.end[run]
    return added


def _believed(runs: _Runs, stamps: np.ndarray, reach: float) -> list[int]:
    """Return the runs to believe, in their order."""
    n = len(runs.first)
    costs, before = [0.0] * n, [-1] * n
    for run in range(n):
        left_out = runs.first[run]
        costs[run] = left_out + (runs.restart if left_out > _DAMAGED_START else 0)
        for other in range(run - 1, max(run - _LOOK_BACK, 0) - 1, -1):
            cost = costs[other] + _cost(runs, stamps, other, run, reach)
            if cost < costs[run]:
                costs[run], before[run] = cost, other
    last = int(np.argmin(np.array(costs) + len(stamps) - np.array(runs.after)))
    chain = [last]
    while before[chain[-1]] >= 0:
        chain.append(before[chain[-1]])
    return chain[::-1]


def _cost(runs: _Runs, stamps: np.ndarray, run: int, then: int, reach: float) -> float:
    """Return how many stamps it costs to believe two runs and none between them."""
    left_out = runs.first[then] - runs.after[run]
    if late := _late(runs, stamps, run, then):
        return left_out + late
    ahead = runs.start[then] - runs.end[run]
    # Stamps that return to the very moment that is due were elsewhere by damage, however many.
    returned = left_out and abs(ahead - left_out * runs.step) <= _RETURN
    cost: float = then - run - 1 if returned else left_out
    far = _far(runs.step)
    if ahead > far and runs.start[then] > reach + far:
        cost += WITNESSES - 0.5
    return cost + (runs.restart if _set_anew(runs, run, then, reach) else 0)


def _set_anew(runs: _Runs, run: int, then: int, reach: float) -> bool:
    """Tell whether the time between two runs is too long for a gap."""
    alone = reach > -np.inf and runs.start[then] > reach + _far(runs.step)
    ahead = runs.start[then] - runs.end[run]
    return ahead > (_LONGEST_ALONE if alone else _LONGEST_GAP)


def _late(runs: _Runs, stamps: np.ndarray, run: int, then: int) -> int:
    """Return how many stamps at the end of a run lie after the start of another.

    Two recordings that overlap by a moment have been spliced. More than that is a new start.
    """
    back = runs.end[run] - runs.step - runs.start[then]
    if back <= TOLERANCE:
        return 0
    own = stamps[runs.first[run] : runs.after[run]]
    late = len(own) - int(np.searchsorted(own, runs.start[then] + TOLERANCE))
    return late if back <= _SPLICED and late < min(len(own) / 2, runs.restart) else runs.restart
