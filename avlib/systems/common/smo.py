"""SVMs of all pairs of classes on one RBF kernel, by sequential minimal optimisation.

libsvm's algorithm: the working sets of Fan, Chen and Lin (2005, "Working set selection using second
order information"), its tolerance and its intercept. It stands here beside libsvm because SVMs cost
a fraction where their kernel is there whole: a step is two passes over neighbours in memory, many
at a time, and a larger C goes on from the solution of a smaller one (``python -m benchmarks svm``).
"""

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba.extending import intrinsic
from sklearn.exceptions import ConvergenceWarning

# By which the conditions of optimality may be missed; libsvm's. Slopes are in single precision:
# where C is in the hundreds, what they round adds to it.
TOLERANCE = 1e-3
STEPS = 10_000_000  # of one SVM at most; libsvm's
FLAT = np.float32(1e-12)  # least curvature: two samples may coincide
BLOCK = 256  # samples of which one pass tells the extreme; where it lies is looked for afterwards
ZERO, ONE, INFINITE = np.float32(0), np.float32(1), np.float32(np.inf)

Parts = tuple[tuple[int, int], tuple[int, int]]  # where the samples of two classes begin and end


@dataclass(frozen=True)
class PairSVMs:
    """An SVM for each pair of classes: (0, 1), (0, 2), ..., (1, 2), ...

    Attributes
    ----------
    coefficients : float64 array of shape (n_pairs, n)
        0 for the samples of other classes. A positive ``kernel @ row + intercept`` votes for the
        first class of the pair.
    intercepts : float64 array of shape (n_pairs,)
    """

    coefficients: np.ndarray
    intercepts: np.ndarray


def train_pairs(
    kernel: np.ndarray, counts: np.ndarray, c: Sequence[float], weights: np.ndarray
) -> list[PairSVMs]:
    """Train the SVMs of all pairs of classes, with each of several C.

    Parameters
    ----------
    kernel : float32 array of shape (n, n)
        Of samples that are sorted by class, with 1 on the diagonal.
    counts : int array of shape (n_classes,)
        How many samples each class has, at least one.
    c : sequence of float
    weights : float array of shape (n_classes,)
        What C is multiplied with for the samples of each class.

    Returns
    -------
    list of PairSVMs
        One for each C.

    Raises
    ------
    ValueError
        The kernel is not finite.
    """
    if not np.isfinite(kernel.sum()):
        raise ValueError("the kernel has values that are not finite")
    ends = np.cumsum([0, *counts]).tolist()
    pairs = list(itertools.combinations(range(len(counts)), 2))
    found = [PairSVMs(np.zeros((len(pairs), len(kernel))), np.zeros(len(pairs))) for _ in c]
    for k, (first, second) in enumerate(pairs):
        parts = (ends[first], ends[first + 1]), (ends[second], ends[second + 1])
        a, b = (slice(*part) for part in parts)
        low, high, beta = np.zeros((3, len(kernel)))
        slope = np.zeros(len(kernel), np.float32)
        slope[a], slope[b] = 1.0, -1.0
        for one in np.argsort(c, kind="stable"):  # what a smaller C allows, a larger one does
            high[a], low[b] = c[one] * weights[first], -c[one] * weights[second]
            intercept, done = _climb(kernel, parts, low, high, beta, slope, STEPS)
            if not done:
                message = (
                    f"an SVM was left unfinished after {STEPS:,} steps: C {c[one]} is too large"
                )
                warnings.warn(message, ConvergenceWarning, stacklevel=2)
            found[one].coefficients[k] = beta
            found[one].intercepts[k] = intercept
    return found


def _chooser(comparison: str) -> Any:
    """Return max (">") or min ("<") of two numbers, none of which is NaN.

    Python's own heed NaN, so that the compiler cannot take many numbers at a time.
    """

    @intrinsic
    def choose(typing_context: Any, one: Any, other: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            never = ("nnan", "nsz")
            first = builder.fcmp_ordered(comparison, *arguments, flags=never)
            return builder.select(first, *arguments, flags=never)

        return one(one, other), generate

    return choose


_larger, _smaller = _chooser(">"), _chooser("<")


@numba.njit(cache=True, error_model="numpy")
def _climb(
    kernel: np.ndarray,
    parts: Parts,
    low: np.ndarray,
    high: np.ndarray,
    beta: np.ndarray,
    slope: np.ndarray,
    steps: int,
) -> tuple[float, bool]:
    """Maximise ``y.beta - beta.K.beta / 2``, where beta sums to 0 and stays within its bounds.

    Parameters
    ----------
    kernel : float32 array of shape (n, n)
    parts : pair of (int, int)
        Of what follows, no other samples are looked at.
    low, high : float64 arrays of shape (n,)
        Bounds.
    beta : float64 array of shape (n,)
        Within its bounds; is brought to the maximum.
    slope : float32 array of shape (n,)
        ``y - K.beta``; follows beta.
    steps : int
        At most.

    Returns
    -------
    intercept : float
    done : bool
        Whether it came there.
    """
    up = np.where(beta < high, slope, -INFINITE)  # slopes of what may rise
    down = np.where(beta > low, slope, INFINITE)  # and of what may fall
    i = j = parts[0][0]
    step = 0.0
    for left in range(steps, -1, -1):
        i, most, least = _advance(np.float32(step), kernel[i], kernel[j], parts, up, down)
        if most - least < TOLERANCE or not left:
            break
        j = _partner(most, kernel[i], parts, down)
        bend = 2 * _larger(ONE - kernel[i, j], FLAT)
        room_above, room_below = high[i] - beta[i], beta[j] - low[j]
        step = min((most - down[j]) / bend, room_above, room_below)
        beta[i] = high[i] if step == room_above else beta[i] + step
        beta[j] = low[j] if step == room_below else beta[j] - step
        down[i] = up[i]
        if beta[i] == high[i]:
            up[i] = -INFINITE
        up[j] = down[j]
        if beta[j] == low[j]:
            down[j] = INFINITE
    free, total = 0, 0.0
    for start, end in parts:
        for k in range(start, end):
            slope[k] = up[k] if beta[k] < high[k] else down[k]
            if low[k] < beta[k] < high[k]:
                free, total = free + 1, total + slope[k]
    intercept = total / free if free else (most + least) / 2
    return intercept, most - least < TOLERANCE


@numba.njit(cache=True, error_model="numpy")
def _advance(
    step: np.float32,
    row: np.ndarray,
    other: np.ndarray,
    parts: Parts,
    up: np.ndarray,
    down: np.ndarray,
) -> tuple[int, np.float32, np.float32]:
    """Take what a step changes off the slopes.

    Returns
    -------
    int
        The sample of those that may rise that rises most steeply.
    most, least : float32
        Its slope, and the least of those that may fall.
    """
    where, most, least = 0, -INFINITE, INFINITE
    for first, last in parts:
        for start in range(first, last, BLOCK):
            end = min(start + BLOCK, last)
            a, b, ups, downs = row[start:end], other[start:end], up[start:end], down[start:end]
            top, bottom = -INFINITE, INFINITE
            for k in range(end - start):
                change = step * (a[k] - b[k])
                ups[k] -= change
                downs[k] -= change
                top, bottom = _larger(top, ups[k]), _smaller(bottom, downs[k])
            least = _smaller(least, bottom)
            if top > most:
                where, most = start, top
    while up[where] != most:
        where += 1
    return where, most, least


@numba.njit(cache=True, error_model="numpy")
def _partner(slope: np.float32, row: np.ndarray, parts: Parts, down: np.ndarray) -> int:
    """Return the sample whose fall gains most, while the one with this slope and row rises."""
    where, most = 0, -ONE
    for first, last in parts:
        for start in range(first, last, BLOCK):
            end = min(start + BLOCK, last)
            near, downs = row[start:end], down[start:end]
            top = -ONE
            for k in range(end - start):
                top = _larger(top, _gain(slope - downs[k], near[k]))
            if top > most:
                where, most = start, top
    while _gain(slope - down[where], row[where]) != most:
        where += 1
    return where


@numba.njit(cache=True, error_model="numpy")
def _gain(difference: np.float32, near: np.float32) -> np.float32:
    """Return four times what a step gains that no bound stops, from slopes and a kernel's value."""
    difference = _larger(difference, ZERO)
    return difference * difference / _larger(ONE - near, FLAT)
