"""What LMNN, ITML and GMML have in common."""

import warnings
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from avlib.metric_learning.gmml import GMML
from avlib.metric_learning.itml import ITML
from avlib.metric_learning.lmnn import LMNN

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
METHODS = pytest.mark.parametrize(
    "method", [LMNN, partial(ITML, pairs=200), GMML], ids=["LMNN", "ITML", "GMML"]
)


def toy(n=180, seed=0, d=20, nuisance=4.0):
    """Three classes that differ in two features, hidden by two strong ones that say nothing."""
    means = 1.5 * np.random.default_rng(7).normal(size=(3, 2))
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = rng.normal(size=(n, d))
    X[:, :2] = means[y] + 0.5 * X[:, :2]
    X[:, 2:4] *= nuisance
    return X, y


@pytest.mark.parametrize("estimator", [LMNN(), ITML(pairs=200), GMML(t=0.1)], ids=repr)
def test_learned_distance_finds_neighbours_of_the_class(estimator):
    gains = []
    for seed in range(0, 10, 2):
        (X, y), (X_new, y_new) = toy(seed=seed), toy(seed=seed + 1)
        fitted = estimator.fit(X, y)
        plain = KNeighborsClassifier(5).fit(X, y).score(X_new, y_new)
        learned = KNeighborsClassifier(5).fit(fitted.transform(X), y)
        gains.append(learned.score(fitted.transform(X_new), y_new) - plain)
    assert np.mean(gains) > 0.1


@METHODS
def test_transform_is_linear_around_the_mean(method):
    X, y = toy()
    fitted = method(pca=6).fit(X, y)
    assert fitted.components_.shape == (6, 20)
    assert fitted.transform(X).shape == (180, 6)
    np.testing.assert_allclose(fitted.transform(X), (X - X.mean(axis=0)) @ fitted.components_.T,
                               rtol=1e-4, atol=1e-4)  # fmt: skip


@METHODS
def test_the_unit_of_the_features_changes_no_neighbour(method):
    X, y = toy()
    ours, other = method().fit(X, y).transform(X), method().fit(1e-3 * X, y).transform(1e-3 * X)
    np.testing.assert_allclose(other, ours, rtol=0.02, atol=0.02 * np.abs(ours).max())


@METHODS
def test_shared_axes_give_the_same_metric(method):
    X, y = toy()
    estimator = method(pca=5)
    alone = clone(estimator).fit(X, y).components_
    np.testing.assert_array_equal(estimator.fit(X, y, estimator.reduce(X)).components_, alone)


@METHODS
def test_two_runs_and_other_thread_counts_give_the_same_bits(method):
    X, y = toy(n=300, d=120)
    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            fits.append(method(pca=60).fit(X, y))
    np.testing.assert_array_equal(fits[0].components_, fits[1].components_)


@METHODS
def test_no_more_axes_than_the_rank_are_used(method):
    X, y = toy(n=30, d=200)
    fitted = method(pca=200).fit(X, y)
    assert fitted.components_.shape[0] <= 29
    assert np.isfinite(fitted.transform(X)).all()


@METHODS
def test_constant_and_repeated_features_and_samples_do_no_harm(method):
    X, y = toy()
    X[:, 5] = 7.0
    X[:, 6] = X[:, 7]
    X[90:] = X[:90]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        fitted = method().fit(X, y)
    assert np.isfinite(fitted.transform(X)).all()
    found = fitted.transform(X)
    np.testing.assert_allclose(found[90:], found[:90], rtol=1e-5, atol=1e-6 * np.abs(found).max())


@METHODS
def test_equal_samples_with_different_labels_do_no_harm(method):
    X = np.repeat(np.random.default_rng(0).normal(size=(10, 3)), 2, axis=0)
    assert np.isfinite(method().fit(X, np.tile([0, 1], 10)).transform(X)).all()


@METHODS
def test_features_without_variance_have_no_distances(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        fitted = method().fit(np.ones((12, 5)), np.arange(12) % 3)
    np.testing.assert_array_equal(fitted.transform(np.ones((2, 5))), 0.0)


@METHODS
def test_class_with_one_sample_is_accepted(method):
    X, y = toy()
    y = y.copy()
    y[0] = 3
    assert np.isfinite(method().fit(X, y).transform(X)).all()


@METHODS
def test_bad_input_names_what_is_wrong(method):
    X, y = toy()
    broken = X.copy()
    broken[17, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        method().fit(broken, y)
    with pytest.raises(ValueError, match="at least two classes"):
        method().fit(X, np.zeros(180, int))
    with pytest.raises(ValueError, match="class with at least two samples"):
        method().fit(X[:3], [0, 1, 2])
    with pytest.raises(ValueError, match="180, 179"):
        method().fit(X, y[1:])
    with pytest.raises(ValueError, match=r"'pca' parameter .* in the range .1, inf.\. Got 0"):
        method(pca=0).fit(X, y)
    with pytest.raises(ValueError, match="19 features"):
        method().fit(X, y).transform(X[:, 1:])


@METHODS
def test_parameters_are_only_stored(method):
    estimator = method(pca=7)
    assert clone(estimator).get_params() == estimator.get_params()
    assert not [name for name in vars(estimator) if name.endswith("_")]
