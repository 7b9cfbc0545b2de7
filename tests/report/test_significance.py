from math import comb

import numpy as np
import pytest
from scipy import stats

from avlib.report.significance import (
    bootstrap_interval,
    corrected_t,
    mcnemar,
    score_intervals,
)


def answers(both, only_a, only_b, neither):
    """Clips by who recognises them."""
    a = [True] * both + [True] * only_a + [False] * only_b + [False] * neither
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return np.array(a), np.array(b)


@pytest.mark.parametrize(
    ("both", "only_a", "only_b", "neither"),
    [
        (100, 3, 5, 20),
        (0, 65, 21, 0),
        (10, 0, 7, 1),
        (5, 4, 4, 5),
        (1, 1, 0, 1),
        (900, 310, 250, 9),
    ],
)
def test_mcnemar_counts_the_splits_that_are_no_more_even(both, only_a, only_b, neither):
    found = mcnemar(*answers(both, only_a, only_b, neither))
    assert (found.only_a, found.only_b) == (only_a, only_b)
    apart, gap = only_a + only_b, abs(only_a - only_b)
    uneven = sum(comb(apart, k) for k in range(apart + 1) if abs(2 * k - apart) >= gap)
    assert found.p == pytest.approx(uneven / 2**apart, abs=1e-12)


def test_models_that_never_disagree_do_not_differ():
    same, _ = answers(5, 0, 0, 3)
    assert mcnemar(same, same) == (0, 0, 1.0)


def test_corrected_t_follows_its_formula():
    # Mean 0.02; deviations 0, 0.02, -0.02, 0.01, -0.01: variance 0.001 / 4 = 0.00025.
    # Five folds of a fifth: 1/5 + 1/4 = 0.45.
    found = corrected_t(np.array([0.02, 0.04, 0.0, 0.03, 0.01]), n_train=80, n_test=20)
    assert found.t == pytest.approx(0.02 / (0.45 * 0.00025) ** 0.5)
    assert found.df == 4
    assert found.p == pytest.approx(2 * (1 - stats.t.cdf(found.t, 4)))


@pytest.mark.parametrize("k", [2, 4, 10])
def test_without_shared_training_clips_it_is_the_paired_t_test(k):
    values = np.random.default_rng(k).normal(0.02, 0.05, k)
    found = corrected_t(values, n_train=1, n_test=0)
    oracle = stats.ttest_1samp(values, 0)
    assert found.t == pytest.approx(oracle.statistic)
    assert found.p == pytest.approx(oracle.pvalue)


def test_shared_training_clips_make_the_test_more_careful():
    differences = np.array([0.02, 0.05, 0.01, 0.04])
    naive, corrected = (corrected_t(differences, 75, n) for n in (0, 25))
    assert corrected.p > 2 * naive.p


def test_false_alarms_on_correlated_folds_stay_near_the_level():
    """Differences of the correlation that the correction allows for, and no true difference."""
    random, k, share = np.random.default_rng(0), 10, 1 / 9
    rho = share / (1 + share)
    found = {0: [], share: []}
    for _ in range(1000):
        common, own = random.normal(), random.normal(size=k)
        values = np.sqrt(rho) * common + np.sqrt(1 - rho) * own
        for n_test, p_values in found.items():
            p_values.append(corrected_t(values, 1, n_test).p)
    alarms = {n_test: np.mean(np.array(p_values) < 0.05) for n_test, p_values in found.items()}
    assert alarms[share] == pytest.approx(0.05, abs=0.021)  # three standard errors
    assert alarms[0] > 0.09


def test_no_t_test_without_variance_to_compare_with():
    assert corrected_t(np.array([0.1]), 80, 20) is None
    assert corrected_t(np.array([0.3, 0.1 + 0.2, 0.3]), 80, 20) is None  # equal but for rounding
    assert corrected_t(np.zeros(4), 80, 20) == (0.0, 3, 1.0)


def simulated(random, n_subjects, clips_each, difference, spread):
    """Two models, of which one is better; how much so differs from subject to subject."""
    better = np.clip(difference + random.normal(0, spread, n_subjects), -1, 1)
    subjects = np.repeat(np.arange(n_subjects), clips_each)
    draw = random.random(len(subjects))
    gain = np.abs(better)[subjects] > draw
    a = np.where(better[subjects] > 0, gain, False)
    b = np.where(better[subjects] < 0, gain, False)
    return a, b, subjects


def test_interval_holds_the_true_difference_as_often_as_it_says():
    random, truth, held, held_by_clips = np.random.default_rng(1), 0.1, [], []
    for seed in range(150):
        a, b, subjects = simulated(random, 40, 10, truth, 0.2)
        for whose, found in ((subjects, held), (np.arange(len(a)), held_by_clips)):
            low, high = bootstrap_interval(a, b, whose, resamples=300, seed=seed)
            found.append(low <= truth <= high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.045)
    assert np.mean(held_by_clips) < np.mean(held) - 0.1  # clips of a subject are not independent


def test_interval_is_the_normal_one_where_subjects_are_many():
    a, b, subjects = simulated(np.random.default_rng(2), 400, 5, 0.1, 0.1)
    of_subject = np.bincount(subjects, weights=a * 1.0 - b) / 5
    error = of_subject.std() / 400**0.5
    low, high = bootstrap_interval(a, b, subjects)
    assert low == pytest.approx(of_subject.mean() - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(of_subject.mean() + 1.96 * error, abs=0.1 * error)


def test_interval_agrees_with_resampling_clip_by_clip():
    """The same draws, carried out on lists of clips of unequal subjects."""
    a, b = answers(10, 7, 3, 10)
    subjects = np.array(["u", "v", "w"])[np.random.default_rng(3).integers(0, 3, len(a))]
    drawn = np.random.default_rng(5).multinomial(3, [1 / 3] * 3, size=300)
    differences = []
    for times in drawn:
        clips = [
            i
            for name, n in zip("uvw", times, strict=True)
            for i in np.flatnonzero(subjects == name).tolist() * n
        ]
        differences.append(a[clips].mean() - b[clips].mean())
    expected = np.quantile(differences, [0.05, 0.95])
    found = bootstrap_interval(a, b, subjects, level=0.9, resamples=300, seed=5)
    np.testing.assert_allclose(found, expected)


def test_interval_of_equal_models_is_zero_and_repeats_itself():
    a, b = answers(40, 26, 12, 40)
    subjects = np.arange(len(a)) % 17
    assert bootstrap_interval(a, a, subjects) == (0, 0)
    first, again, other = (
        bootstrap_interval(a, b, subjects, resamples=20, seed=seed) for seed in (7, 7, 8)
    )
    assert first == again != other


def test_one_subject_has_no_interval():
    a, b = answers(3, 2, 1, 3)
    assert bootstrap_interval(a, b, np.zeros(len(a))) is None


def test_intervals_of_scores_agree_with_resampling_clip_by_clip():
    """The same draws of unequal subjects, of whom one alone shows the third emotion."""
    random = np.random.default_rng(3)
    subjects = np.array(["u", "v", "w", "x"])[random.integers(0, 4, 60)]
    emotions = np.where(subjects == "u", "c", np.array(["a", "b"])[random.integers(0, 2, 60)])
    right = random.random(60) < 0.6
    found = score_intervals(right, emotions, subjects, level=0.9, resamples=300, seed=5)
    scores = []
    for times in np.random.default_rng(5).multinomial(4, [1 / 4] * 4, size=300):
        clips = np.concatenate(
            [np.tile(np.flatnonzero(subjects == s), n) for s, n in zip("uvwx", times, strict=True)]
        )
        shown = np.unique(emotions[clips])
        uar = np.mean([right[clips][emotions[clips] == e].mean() for e in shown])
        scores.append((right[clips].mean(), uar))
    expected = np.quantile(scores, [0.05, 0.95], axis=0).T
    np.testing.assert_allclose(found, expected)


def test_one_subjects_scores_have_no_interval():
    assert score_intervals(np.array([True, False]), np.array(["a", "b"]), np.zeros(2)) is None
