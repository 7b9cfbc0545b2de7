import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from avlib.metric_learning.itml import ITML, distance_bounds, project_cyclically


def constrained(n=40, p=5, m=60, seed=0):
    """Points of two classes and pairs, the similar ones first as metric-learn takes them."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = rng.normal(size=(n, p)) + 0.8 * y[:, None]
    pairs = rng.integers(n, size=(m, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    sign = np.where(y[pairs[:, 0]] == y[pairs[:, 1]], 1, -1)
    order = np.argsort(-sign, kind="stable")
    return X, pairs[order], sign[order]


@pytest.mark.parametrize("gamma", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("cycles", [1, 1000])
def test_metric_is_metric_learns_on_the_same_constraints(reference, gamma, cycles):
    X, pairs, sign = constrained()
    gaps = X[pairs[:, 0]] - X[pairs[:, 1]]
    A, *_ = project_cyclically(gaps, sign, 3.0, 12.0, gamma, cycles, 1e-6)
    theirs = reference.ITML(gamma=gamma, max_iter=cycles, tol=1e-6)
    theirs.fit(X[pairs], sign, bounds=[3.0, 12.0])
    expected = theirs.get_mahalanobis_matrix()
    assert np.abs(expected - np.eye(5)).max() > 0.05
    np.testing.assert_allclose(A, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("gamma", [0.3, 3.0])
def test_converged_metric_meets_the_optimality_conditions(gamma):
    """Of LogDet(A, I) + gamma LogDet(diag xi, diag bounds) under d^2 <= xi or d^2 >= xi."""
    X, pairs, sign = constrained()
    gaps = X[pairs[:, 0]] - X[pairs[:, 1]]
    upper, lower = 3.0, 12.0
    A, _, converged = project_cyclically(gaps, sign, upper, lower, gamma, 20_000, 1e-10)
    assert converged
    d2 = np.einsum("ip,pq,iq->i", gaps, A, gaps)
    bound = np.where(sign > 0, upper, lower)
    # Where a constraint binds, slack and distance agree and 1/xi = 1/bound - sign lambda / gamma.
    multiplier = np.maximum(sign * gamma * (1.0 / bound - 1.0 / d2), 0.0)
    # And A^-1 = I + sum of sign lambda v v^T.
    expected = np.eye(5) + (gaps.T * (sign * multiplier)) @ gaps
    np.testing.assert_allclose(np.linalg.inv(A), expected, rtol=1e-5, atol=1e-6)
    assert (multiplier > 0).any()
    assert (multiplier == 0).any()


def test_learning_keeps_more_pairs_within_bounds():
    X, pairs, sign = constrained(m=100)
    gaps = X[pairs[:, 0]] - X[pairs[:, 1]]
    A, *_ = project_cyclically(gaps, sign, 3.0, 12.0, 10.0, 300, 1e-3)

    def kept(A):
        d2 = np.einsum("ip,pq,iq->i", gaps, A, gaps)
        return np.mean(np.where(sign > 0, d2 <= 3.0, d2 >= 12.0))

    assert kept(A) > kept(np.eye(5))
    assert (np.linalg.eigvalsh(A) > 0).all()


def test_bounds_are_percentiles_of_squared_distances():
    Z = np.random.default_rng(0).normal(size=(200, 3))
    every = np.square(Z[:, None] - Z[None]).sum(axis=2)[np.triu_indices(200, 1)]
    found = distance_bounds(Z, (5.0, 95.0), seed=0)
    np.testing.assert_allclose(found, np.percentile(every, (5, 95)), rtol=0.05)


def test_bounds_pass_over_samples_that_coincide():
    Z = np.zeros((10_000, 2))
    Z[-1] = (3.0, 4.0)
    assert distance_bounds(Z, (5.0, 95.0), seed=0) == (25.0, 25.0)


def test_no_cycles_keep_the_principal_axes():
    X, y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
    L = ITML(max_iter=0).fit(X, y).components_.astype(float)
    A = L.T @ L
    np.testing.assert_allclose(A / A[0, 0], np.eye(4), atol=1e-5)


def test_stopping_too_early_warns():
    X, y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        fitted = ITML(max_iter=1).fit(X, y)
    assert not fitted.converged_
    assert fitted.n_iter_ == 1


@pytest.mark.parametrize(
    "argument",
    [{"gamma": 0}, {"gamma": np.inf}, {"pairs": 1}, {"tol": 0}, {"bounds": (95, 5)}],
)
def test_impossible_parameter_is_named(argument):
    with pytest.raises(ValueError, match=next(iter(argument))):
        ITML(**argument).fit(np.random.default_rng(0).normal(size=(9, 2)), np.arange(9) % 3)
