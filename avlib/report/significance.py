"""Paired tests between two models that were tested on the same clips.

Each test buys its answer with another assumption, so that they are best read together:

- `mcnemar` counts clips and takes them for independent. Clips of one person are not, so its p is
  too small when models fail on some subjects rather than on some clips.
- `corrected_t` compares folds and allows for their shared training clips by a rule of thumb. It
  has few degrees of freedom, and so little power.
- `bootstrap_interval` resamples whole subjects and so allows for what the clips of one have in
  common. It takes the trained models as they are, and is too narrow with few subjects;
  `score_intervals` are of one model alone.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special  # not scipy.stats: a third of a second to load

RESAMPLES = 10_000
LEVEL = 0.95
_SAME = 1e-12  # fold differences closer than this are equal but for rounding


class McNemar(NamedTuple):
    """Clips that only one of two models recognises, and how likely so uneven a split is."""

    only_a: int
    only_b: int
    p: float


class CorrectedT(NamedTuple):
    """Statistic, degrees of freedom and two-sided p."""

    t: float
    df: int
    p: float


class Interval(NamedTuple):
    """Bounds of a score, in [0, 1], or of a difference of two, in [-1, 1]."""

    low: float
    high: float


class ScoreIntervals(NamedTuple):
    """Bounds of one model's scores over all its test clips."""

    accuracy: Interval
    uar: Interval


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> McNemar:
    """Exact two-sided McNemar test (McNemar 1947; exact form: the sign test).

    Under the hypothesis that both models are equally accurate, a clip that only one of them
    recognises is as likely to be the one's as the other's. Assumes independent clips.

    Parameters
    ----------
    right_a, right_b : ndarray of shape (n_clips,), bool
        Whether each model recognises each clip.

    Returns
    -------
    McNemar
        p is 1 where no clip sets the models apart.
    """
    only_a = int(np.count_nonzero(right_a & ~right_b))
    only_b = int(np.count_nonzero(right_b & ~right_a))
    # The test looks at nothing but the clips on which the models differ.
    apart = only_a + only_b
    p = min(2 * float(special.bdtr(min(only_a, only_b), apart, 0.5)), 1.0)
    return McNemar(only_a, only_b, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values after Holm's correction (1979), in their order.

    Rejecting where the adjusted p is at most alpha makes any false rejection in the family no
    more likely than alpha, whatever the dependence between the tests.

    Parameters
    ----------
    p_values
        Of all tests of the family.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    # The least of n is multiplied by n, the next by n - 1; none gets below those before it.
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    return adjusted[np.argsort(order, kind="stable")].tolist()


def corrected_t(differences: np.ndarray, n_train: float, n_test: float) -> CorrectedT | None:
    """Corrected resampled t-test over folds (Nadeau and Bengio 2003, section 3).

    The training sets of folds overlap, so their differences vary less than those of independent
    experiments would; the variance of the mean is taken as (1/k + n_test/n_train) times the
    variance of the differences instead of 1/k times. Assumes normal differences whose correlation
    is n_test / (n_test + n_train).

    Parameters
    ----------
    differences : ndarray of shape (k,)
        Accuracy of one model minus the other's in each fold.
    n_train, n_test : float
        Clips that a fold learns from (training and validation parts) and tests, on average.

    Returns
    -------
    CorrectedT or None
        None where there is no variance to compare with: fewer than two folds, or the same
        difference other than zero in all of them. Equal models in every fold give t = 0, p = 1.
    """
    k = len(differences)
    if k < 2:
        return None
    mean = float(np.mean(differences))
    if np.ptp(differences) < _SAME:
        return CorrectedT(0.0, k - 1, 1.0) if abs(mean) < _SAME else None
    spread = np.sqrt((1 / k + n_test / n_train) * np.var(differences, ddof=1))
    t = float(mean / spread)
    return CorrectedT(t, k - 1, float(2 * special.stdtr(k - 1, -abs(t))))


def bootstrap_interval(
    right_a: np.ndarray,
    right_b: np.ndarray,
    subjects: np.ndarray,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """Percentile bootstrap interval of accuracy(a) - accuracy(b), resampling whole subjects.

    A resample draws as many subjects as there are, with replacement, and takes each one's clips
    as often as it was drawn (cluster bootstrap: Davison and Hinkley 1997, section 3.8; percentile
    interval: Efron and Tibshirani 1993, chapter 13). Both models see the same draws.

    Parameters
    ----------
    right_a, right_b : ndarray of shape (n_clips,), bool
        Whether each model recognises each clip.
    subjects : ndarray of shape (n_clips,)
        Whose clip each is.
    level
        Share of such intervals that should hold the true difference, in (0, 1).
    resamples, seed
        Number of draws, and where they start.

    Returns
    -------
    Interval or None
        None with fewer than two subjects, of whom one would be drawn every time.
    """
    names, of_clip = np.unique(subjects, return_inverse=True)
    if len(names) < 2:
        return None
    sign = np.asarray(right_a, dtype=int) - np.asarray(right_b, dtype=int)
    gained = np.bincount(of_clip, weights=sign)  # (n_subjects,)
    clips = np.bincount(of_clip)
    drawn = draws(len(names), resamples, seed)
    return percentiles((drawn @ gained) / (drawn @ clips), level)


def score_intervals(
    right: np.ndarray,
    emotions: np.ndarray,
    subjects: np.ndarray,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ScoreIntervals | None:
    """Percentile bootstrap intervals of accuracy and UAR, resampling as `bootstrap_interval` does.

    A resample's UAR is the mean recall of the emotions that its subjects show.

    Parameters
    ----------
    right : ndarray of shape (n_clips,), bool
        Whether the model recognises each clip.
    emotions, subjects : ndarray of shape (n_clips,)
        What is shown in each clip, and by whom.
    level, resamples, seed
        As of `bootstrap_interval`.

    Returns
    -------
    ScoreIntervals or None
        None with fewer than two subjects.
    """
    names, of_clip = np.unique(subjects, return_inverse=True)
    if len(names) < 2:
        return None
    shown, emotion = np.unique(emotions, return_inverse=True)
    counts = np.zeros((2, len(names), len(shown)), dtype=int)
    np.add.at(counts[0], (of_clip, emotion), np.asarray(right, dtype=int))
    np.add.at(counts[1], (of_clip, emotion), 1)
    found, clips = draws(len(names), resamples, seed) @ counts  # (resamples, n_emotions) each
    accuracies = found.sum(axis=1) / clips.sum(axis=1)
    recalls = np.divide(found, clips, out=np.full(clips.shape, np.nan), where=clips > 0)
    uars = np.nanmean(recalls, axis=1)
    return ScoreIntervals(percentiles(accuracies, level), percentiles(uars, level))


@functools.lru_cache(maxsize=4)  # every model of a run is tested on the same people
def draws(n_subjects: int, resamples: int, seed: int) -> np.ndarray:
    """Return how often each subject is in each resample, int of shape (resamples, n_subjects).

    Sums over a subject's clips are all that a resample needs, weighed by how often the subject was
    drawn, which for draws with replacement is a multinomial count.
    """
    even = np.full(n_subjects, 1 / n_subjects)
    drawn = np.random.default_rng(seed).multinomial(n_subjects, even, size=resamples)
    drawn.flags.writeable = False  # all who ask get this one
    return drawn


def percentiles(values: np.ndarray, level: float) -> Interval:
    """Return the bounds of the middle share of resampled values, shape (resamples,)."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
