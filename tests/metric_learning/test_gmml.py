import itertools

import numpy as np
import pytest
from scipy.linalg import sqrtm

from avlib.metric_learning.gmml import GMML, geodesic_root, pair_scatters


def labelled(n=60, p=5, seed=0, classes=3):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    return rng.normal(size=(n, p)) + rng.normal(size=(classes, p))[y], y


def positive(seed, p=6):
    A = np.random.default_rng(seed).normal(size=(p, 2 * p))
    return A @ A.T


def metric(S, D, t):
    L = geodesic_root(S, D, t)
    return L.T @ L


def test_scatters_are_the_means_over_enumerated_pairs():
    Z, y = labelled()
    sums = {True: [], False: []}
    for i, j in itertools.combinations(range(len(Z)), 2):
        sums[bool(y[i] == y[j])].append(np.outer(Z[i] - Z[j], Z[i] - Z[j]))
    similar, dissimilar, everything = pair_scatters(Z, y)
    np.testing.assert_allclose(similar, np.mean(sums[True], axis=0), atol=1e-12)
    np.testing.assert_allclose(dissimilar, np.mean(sums[False], axis=0), atol=1e-12)
    np.testing.assert_allclose(everything, np.mean(sums[True] + sums[False], axis=0), atol=1e-12)


def test_middle_of_the_geodesic_solves_the_riccati_equation():
    S, D = positive(1), positive(2)
    A = metric(S, D, 0.5)
    np.testing.assert_allclose(A @ S @ A, D, rtol=1e-9, atol=1e-9)


def test_middle_minimises_the_papers_objective():
    """tr(A S) + tr(A^-1 D) grows in every direction from there."""
    S, D = positive(1), positive(2)
    A = metric(S, D, 0.5)

    def objective(A):
        return np.trace(A @ S) + np.trace(np.linalg.solve(A, D))

    rng = np.random.default_rng(3)
    for _ in range(50):
        step = rng.normal(size=A.shape) * np.abs(A).max() * 1e-3
        assert objective(A + step + step.T) > objective(A)


def test_ends_of_the_geodesic_are_the_two_scatters():
    S, D = positive(1), positive(2)
    np.testing.assert_allclose(metric(S, D, 0.0), np.linalg.inv(S), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(metric(S, D, 1.0), D, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("t", [0.2, 0.5, 0.9])
def test_points_between_are_those_of_the_definition(t):
    S, D = positive(1), positive(2)
    root = sqrtm(np.linalg.inv(S))
    back = np.linalg.inv(root)
    values, Q = np.linalg.eigh(back @ D @ back)
    expected = root @ (Q * values**t) @ Q.T @ root
    np.testing.assert_allclose(metric(S, D, t), expected, rtol=1e-8, atol=1e-10)


def test_fit_follows_the_definition_in_the_features_own_coordinates():
    X, y = labelled(n=80)
    fitted = GMML(pca=5, t=0.5, regularisation=0.0).fit(X, y)
    learned = fitted.components_.astype(float)
    similar, dissimilar, _ = pair_scatters(X, y)
    A = metric(similar, dissimilar, 0.5)
    scale = np.trace(learned.T @ learned) / np.trace(A)  # the features' unit
    np.testing.assert_allclose(learned.T @ learned, scale * A, rtol=1e-3, atol=1e-3 * A.max())


def test_much_regularisation_stays_euclidean():
    X, y = labelled()
    L = GMML(pca=5, regularisation=1e6).fit(X, y).components_.astype(float)
    A = L.T @ L
    np.testing.assert_allclose(A / A.trace() * 5, np.eye(5), atol=1e-3)


def test_singular_scatter_asks_for_regularisation_and_is_fine_with_it():
    X, y = labelled(n=12, p=20, classes=2)
    with pytest.raises(ValueError, match=r"singular.*regularisation above 0"):
        GMML(regularisation=0.0).fit(X, y)
    assert np.isfinite(GMML().fit(X, y).transform(X)).all()


@pytest.mark.parametrize("argument", [{"t": 1.5}, {"t": np.nan}, {"regularisation": -1}])
def test_impossible_parameter_is_named(argument):
    with pytest.raises(ValueError, match=next(iter(argument))):
        GMML(**argument).fit(*labelled())
