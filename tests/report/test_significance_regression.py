import numpy as np
import pytest
from scipy import stats

from avlib.report.significance_regression import fisher_r_to_z, proportions_z


@pytest.mark.parametrize(("r", "n"), [(0.3, 20), (-0.6, 50), (0.605, 1000)])
def test_bound_of_scipys_interval_of_a_correlation_is_where_fishers_p_is_5_percent(r, n):
    # A series with just this correlation; against a correlation that is known exactly.
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, n))
    x, noise = x - x.mean(), noise - noise.mean()
    noise -= x * (x @ noise) / (x @ x)
    y = r * x / np.linalg.norm(x) + np.sqrt(1 - r**2) * noise / np.linalg.norm(noise)
    bounds = stats.pearsonr(x, y).confidence_interval(0.95)
    for bound in bounds:
        assert fisher_r_to_z(r, n, bound, 10**12).p == pytest.approx(0.05, abs=1e-6)


def test_fisher_test_rejects_equal_correlations_as_often_as_it_says():
    rng = np.random.default_rng(3)
    x, noise = rng.normal(size=(2, 4000, 40))
    y = 0.5 * x + noise
    x, y = (v - v.mean(1, keepdims=True) for v in (x, y))
    r = (x * y).sum(1) / np.sqrt((x**2).sum(1) * (y**2).sum(1))
    rejected = [fisher_r_to_z(a, 40, b, 40).p < 0.05 for a, b in r.reshape(-1, 2)]
    assert 0.035 < np.mean(rejected) < 0.065


def test_fisher_test_is_antisymmetric_and_says_nothing_where_there_is_nothing_to_test():
    there, back = fisher_r_to_z(0.6, 30, 0.4, 70), fisher_r_to_z(0.4, 70, 0.6, 30)
    assert there.z == pytest.approx(-back.z)
    assert there.z > 0
    assert there.p == pytest.approx(back.p)
    assert fisher_r_to_z(None, 30, 0.4, 30) is None
    assert fisher_r_to_z(1.0, 30, 0.4, 30) is None
    assert fisher_r_to_z(0.5, 3, 0.4, 30) is None


@pytest.mark.parametrize(
    ("right_a", "n_a", "right_b", "n_b"), [(60, 100, 45, 100), (30, 617, 41, 500), (7, 9, 1, 8)]
)
def test_squared_z_of_proportions_is_the_chi_square_of_their_table(right_a, n_a, right_b, n_b):
    found = proportions_z(right_a / n_a, n_a, right_b / n_b, n_b)
    table = [[right_a, n_a - right_a], [right_b, n_b - right_b]]
    oracle = stats.chi2_contingency(table, correction=False)
    larger = right_a / n_a > right_b / n_b
    assert found.z**2 == pytest.approx(oracle.statistic)
    assert (found.z > 0) == larger
    assert found.p == pytest.approx(oracle.pvalue / 2 if larger else 1 - oracle.pvalue / 2)


def test_the_papers_gains_in_f1_on_omg_emotion_are_significant_as_it_says():
    # Section 5.2: 36.5 for classic audio and 37.9 for classic video, EmoBed 5.2 and 6.0 above.
    assert proportions_z(0.417, 617, 0.365, 617).p < 0.05
    assert proportions_z(0.439, 617, 0.379, 617).p < 0.05


def test_equal_proportions_are_even_and_impossible_ones_refused():
    assert proportions_z(1.0, 10, 1.0, 20) == (0.0, 0.5)
    assert proportions_z(0.5, 0, 0.5, 20) is None
    with pytest.raises(ValueError, match="expected both in"):
        proportions_z(41.7, 617, 36.5, 617)
