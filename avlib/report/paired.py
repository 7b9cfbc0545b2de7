"""Whether one system scores higher than another on what both were tested on, whole people at once.

Frames of a recording and clips of a person say nearly the same, so neither is an observation of its
own. What is resampled, or exchanged between the systems, is a *cluster*: all that one subject (or,
where nobody says who that is, one recording) adds to a score. All scores here follow from sums over
clusters, so that thousands of resamples cost a matrix product each.

- The interval is the percentile bootstrap of whole clusters (Davison and Hinkley 1997, section
  3.8). It takes the trained systems as they are, and with few clusters it is too narrow.
- The permutation test exchanges the two systems' predictions of whole clusters (Good 2005, chapter
  3), which changes nothing where it does not matter which system made them. It is exact for up to
  13 clusters; n of them give no p below 2 / 2**n, 0.004 for nine.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from avlib.report.concordance import ROUNDING
from avlib.report.significance import LEVEL, RESAMPLES, Interval, draws, percentiles

_SAME = 1e-12  # share of a gain by which equal ones differ for rounding
_BATCH = 500  # exchanges at a time: of many clusters each takes as much memory as their sums

# From sums of shape (..., *what a cluster adds) to scores of shape (...), NaN where not defined.
Score = Callable[[np.ndarray], np.ndarray]


class Gain(NamedTuple):
    """What one system scores more than another.

    Attributes
    ----------
    gain : float or None
        None where a score is not defined.
    interval : Interval or None
        Likewise, and with fewer than two clusters.
    p : float or None
        Two-sided, of the permutation test; likewise.
    clusters : int
    """

    gain: float | None
    interval: Interval | None
    p: float | None
    clusters: int


def paired_gain(a: np.ndarray, b: np.ndarray, score: Score, *, seed: int = 0) -> Gain:
    """Compare system `a` with system `b`.

    Parameters
    ----------
    a, b : ndarray of shape (n_clusters, ...)
        What each cluster adds to the sums that `score` takes, by either system. Several seeds of a
        system are a further axis, over which `score` is to return the mean.
    score
    seed
        Of the resamples.
    """
    n = len(a)
    gain = float(score(a.sum(0)) - score(b.sum(0))) if n else np.nan
    if not np.isfinite(gain):
        return Gain(None, None, None, n)
    if n < 2:
        return Gain(gain, None, None, n)
    drawn = draws(n, RESAMPLES, seed).astype(float)
    resampled = score(np.tensordot(drawn, a, 1)) - score(np.tensordot(drawn, b, 1))
    exact = 2**n <= RESAMPLES
    p = (
        _p_of_every_exchange(a, b, score, gain)
        if exact
        else _p_of_drawn_exchanges(a, b, score, seed)
    )
    defined = resampled[np.isfinite(resampled)]  # labels may not vary among the clusters drawn
    return Gain(gain, percentiles(defined, LEVEL), p, n)


def _p_of_every_exchange(a: np.ndarray, b: np.ndarray, score: Score, gain: float) -> float:
    """Return the p of `paired_gain` with every set of clusters exchanged, all in one product."""
    n = len(a)
    exchanged = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    moved = np.tensordot(exchanged, np.asarray(b, float) - a, 1)
    gains = score(a.sum(0) + moved) - score(b.sum(0) - moved)
    room = _SAME * abs(gain)
    tails = np.count_nonzero(gains >= gain - room), np.count_nonzero(gains <= gain + room)
    return min(2 * min(tails) / 2**n, 1.0)


def _p_of_drawn_exchanges(a: np.ndarray, b: np.ndarray, score: Score, seed: int) -> float:
    """Return the p of `paired_gain`, of `RESAMPLES` sets of clusters."""
    from scipy import stats  # takes a third of a second to load

    n, both = len(a), np.concatenate([a, b])

    def difference(of_a: np.ndarray, of_b: np.ndarray, axis: int) -> np.ndarray:
        summed_a, summed_b = (both[np.moveaxis(rows, axis, 0)].sum(0) for rows in (of_a, of_b))
        return score(summed_a) - score(summed_b)

    test = stats.permutation_test(
        (np.arange(n), np.arange(n, 2 * n)),
        difference,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        random_state=np.random.default_rng(seed),
    )
    return float(test.pvalue)


def ccc_sums(truth: np.ndarray, predicted: np.ndarray, cluster: np.ndarray, n: int) -> np.ndarray:
    """Return what each cluster adds to a CCC: n, x, y, x², y² and xy, shape (n, 6).

    Parameters
    ----------
    truth, predicted : float arrays of shape (n_frames,)
        Labels, NaN where there is none: such frames count nowhere. CCC does not change when both
        series move alike; here the labels' mean is taken off, for the sake of rounding.
    cluster : int array of shape (n_frames,)
        Below `n`.
    """
    known = np.isfinite(truth)
    x, y, cluster = truth[known], predicted[known].astype(float), cluster[known]
    middle = x.mean() if len(x) else 0.0
    x, y = x - middle, y - middle
    added = (np.ones_like(x), x, y, x * x, y * y, x * y)
    return np.stack([np.bincount(cluster, values, n) for values in added], axis=1)


def ccc_of(sums: np.ndarray) -> np.ndarray:
    """Return the CCC of sums of shape (..., 6): NaN where the labels do not vary."""
    n, x, y, xx, yy, xy = np.moveaxis(np.asarray(sums, float), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = x / n, y / n
        vary_x, vary_y = xx / n - x * x, yy / n - y * y
        ccc = 2 * (xy / n - x * y) / (vary_x + vary_y + (x - y) ** 2)
        return np.where(vary_x > ROUNDING, ccc, np.nan)


def confusion_sums(
    truth: np.ndarray, predicted: np.ndarray, cluster: np.ndarray, n: int, n_classes: int
) -> np.ndarray:
    """Return each cluster's confusion matrix, int of shape (n, n_classes, n_classes).

    Parameters
    ----------
    truth, predicted, cluster : int arrays of shape (n_clips,)
        Codes of emotions, and clusters below `n`.
    """
    counts = np.zeros((n, n_classes, n_classes), int)
    np.add.at(counts, (cluster, truth, predicted), 1)
    return counts


def accuracy_of(counts: np.ndarray) -> np.ndarray:
    """Return the accuracy of confusion matrices of shape (..., n_classes, n_classes)."""
    return np.trace(counts, axis1=-2, axis2=-1) / counts.sum((-2, -1))


def f1_of(counts: np.ndarray) -> np.ndarray:
    """Return the macro-F1 of such matrices, over the emotions that were tested or predicted."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    shown = counts.sum(-1) + counts.sum(-2)
    f1 = np.divide(2 * right, shown, out=np.full(shown.shape, np.nan), where=shown > 0)
    return np.nanmean(f1, axis=-1)
