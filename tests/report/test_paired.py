"""Gains over whole subjects: against series that are really put together, and against SciPy."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score

from avlib.report.concordance import ccc
from avlib.report.paired import accuracy_of, ccc_of, ccc_sums, confusion_sums, f1_of, paired_gain
from avlib.report.significance import RESAMPLES, draws

SUBJECTS = 6


@pytest.fixture
def series():
    """Labels and two predictions of six subjects, of unlike lengths and levels, with gaps."""
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(SUBJECTS), [30, 50, 20, 40, 60, 25])
    truth = 40 + np.cumsum(rng.normal(size=len(subject))) + subject
    a, b = (truth + spread * rng.normal(size=len(subject)) for spread in (2.0, 3.0))
    truth[::7] = np.nan
    return subject, truth, a, b


def joined(subject, drawn, *values):
    rows = np.concatenate([np.flatnonzero(subject == s) for s in drawn])
    return [value[rows] for value in values]


def test_ccc_of_sums_is_that_of_the_series_put_together(series):
    subject, truth, a, _ = series
    sums = ccc_sums(truth, a, subject, SUBJECTS)
    assert ccc_of(sums.sum(0)) == pytest.approx(ccc(truth, a), abs=1e-12)
    for drawn in ([0, 0, 3, 5, 5, 5], [1, 2, 2, 4, 4, 0]):
        found = ccc_of(np.bincount(drawn, minlength=SUBJECTS) @ sums)
        assert found == pytest.approx(ccc(*joined(subject, drawn, truth, a)), abs=1e-10)


def test_ccc_of_labels_that_do_not_vary_is_not_defined_and_of_flat_predictions_zero():
    cluster, moving = np.zeros(9, int), np.arange(9.0)
    assert np.isnan(ccc_of(ccc_sums(np.full(9, 0.3), moving, cluster, 1)[0]))
    assert ccc_of(ccc_sums(moving, np.full(9, 0.3), cluster, 1)[0]) == pytest.approx(0, abs=1e-12)


def test_scores_of_confusions_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    subject, truth, said = rng.integers(0, [[4], [5], [5]], size=(3, 90))
    said[said == 3] = 2
    counts = confusion_sums(truth, said, subject, 4, 7)  # two emotions that nobody shows
    assert accuracy_of(counts.sum(0)) == pytest.approx(accuracy_score(truth, said))
    assert f1_of(counts.sum(0)) == pytest.approx(f1_score(truth, said, average="macro"))
    one = subject == 2
    assert f1_of(counts)[2] == pytest.approx(f1_score(truth[one], said[one], average="macro"))


def test_interval_is_that_of_resampled_subjects_put_together(series):
    subject, truth, a, b = series
    found = paired_gain(*(ccc_sums(truth, y, subject, SUBJECTS) for y in (a, b)), ccc_of)
    assert found.gain == pytest.approx(ccc(truth, a) - ccc(truth, b))
    gains = []
    for counts in draws(SUBJECTS, RESAMPLES, 0)[:800]:
        x, y, z = joined(subject, np.repeat(np.arange(SUBJECTS), counts), truth, a, b)
        gains.append(ccc(x, y) - ccc(x, z))
    # The first 800 of the same draws: their quantiles are near those of all.
    spread = np.std(gains)
    assert found.interval == pytest.approx(np.quantile(gains, [0.025, 0.975]), abs=0.25 * spread)
    assert found.interval.low < found.gain < found.interval.high


def test_interval_agrees_with_scipys_bootstrap(series):
    subject, truth, a, b = series
    sums = [ccc_sums(truth, y, subject, SUBJECTS) for y in (a, b)]

    def statistic(drawn, axis):
        of_a, of_b = (ccc_of(s[np.moveaxis(drawn, axis, 0)].sum(0)) for s in sums)
        return of_a - of_b

    scipys = stats.bootstrap(
        (np.arange(SUBJECTS),), statistic, vectorized=True, method="percentile", random_state=0
    )
    interval = paired_gain(*sums, ccc_of).interval
    assert interval == pytest.approx(scipys.confidence_interval, abs=0.1 * scipys.standard_error)


def test_p_counts_every_exchange_of_whole_subjects(series):
    subject, truth, a, b = series
    found = paired_gain(*(ccc_sums(truth, y, subject, SUBJECTS) for y in (a, b)), ccc_of)
    gains = []
    for swapped in product([False, True], repeat=SUBJECTS):
        swap = np.array(swapped)[subject]
        gains.append(ccc(truth, np.where(swap, b, a)) - ccc(truth, np.where(swap, a, b)))
    gains = np.array(gains)
    one_sided = min(np.mean(gains >= gains[0] - 1e-12), np.mean(gains <= gains[0] + 1e-12))
    assert found.p == pytest.approx(min(2 * one_sided, 1))
    assert found.clusters == SUBJECTS


@pytest.mark.parametrize("clusters", [2, 7, 13])
def test_p_is_that_of_scipys_exact_test_also_where_many_exchanges_tie(clusters):
    rng = np.random.default_rng(clusters)
    cluster, truth, *said = rng.integers(0, [[clusters], [3], [3], [3]], size=(4, 12 * clusters))
    a, b = (confusion_sums(truth, s, cluster, clusters, 3) for s in said)
    clips = a.sum((1, 2))  # of each cluster; the total is the same whatever is exchanged
    right = [np.trace(counts, axis1=1, axis2=2) / clips.sum() for counts in (a, b)]
    scipys = stats.permutation_test(
        right,
        lambda x, y, axis: (x - y).sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert paired_gain(a, b, accuracy_of).p == pytest.approx(scipys.pvalue, abs=1e-12)


def test_seeds_are_averaged_and_what_they_differ_in_cancels(series):
    subject, truth, a, b = series
    rng = np.random.default_rng(2)

    def seeds(y):
        noisy = [y + 2 * rng.normal(size=len(y)) for _ in range(5)]
        return np.stack([ccc_sums(truth, z, subject, SUBJECTS) for z in noisy], axis=1)

    def mean_ccc(sums):
        return ccc_of(sums).mean(-1)

    of_a, of_b = seeds(a), seeds(b)
    each = ccc_of(of_a.sum(0)) - ccc_of(of_b.sum(0))
    assert paired_gain(of_a, of_b, mean_ccc).gain == pytest.approx(each.mean())
    assert np.ptp(each) > 0


def test_frames_are_not_taken_for_observations():
    """Systems that differ by subject at random: the p of subjects is even, that of frames is not.

    Under the hypothesis a share of about 0.05 of the p-values lie below 0.05.
    """
    rng, found = np.random.default_rng(3), []
    subject = np.repeat(np.arange(8), 100)
    for _ in range(200):
        truth = np.repeat(rng.normal(size=8), 100) + rng.normal(size=800)
        a, b = (truth + np.repeat(rng.normal(size=8), 100) for _ in range(2))
        found.append(paired_gain(*(ccc_sums(truth, y, subject, 8) for y in (a, b)), ccc_of).p)
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.1  # 0.05 and three standard errors


def test_one_subject_has_a_gain_and_no_test():
    sums = ccc_sums(np.arange(5.0), np.arange(5.0) + 1, np.zeros(5, int), 1)
    assert paired_gain(sums, sums, ccc_of) == (0.0, None, None, 1)


def test_equal_systems_have_no_gain_and_p_one(series):
    subject, truth, a, _ = series
    sums = ccc_sums(truth, a, subject, SUBJECTS)
    gain, interval, p, _ = paired_gain(sums, sums, ccc_of)
    assert (gain, tuple(interval), p) == (0.0, (0.0, 0.0), 1.0)
