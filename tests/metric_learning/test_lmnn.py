import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors

from avlib.metric_learning import lmnn
from avlib.metric_learning.lmnn import LMNN, lmnn_loss, target_neighbours


def labelled(n=60, p=4, seed=0, classes=3, noise=1.0):
    """Samples in the order of their classes."""
    rng = np.random.default_rng(seed)
    y = np.sort(np.arange(n) % classes)
    return noise * rng.normal(size=(n, p)) + rng.normal(size=(classes, p))[y], y


def loss_by_hand(L, Z, y, targets, mu):
    """Eqs. 11-13, sample by sample."""
    pull = push = 0.0
    for i in range(len(Z)):
        for j in targets[i][targets[i] >= 0]:
            near = np.sum((L @ (Z[i] - Z[j])) ** 2)
            pull += near
            for other in np.flatnonzero(y != y[i]):
                push += max(0.0, 1.0 + near - np.sum((L @ (Z[i] - Z[other])) ** 2))
    return (1 - mu) * pull + mu * push


@pytest.mark.parametrize("mu", [0.0, 0.3, 1.0])
def test_loss_is_the_papers_sum_over_targets_and_impostors(mu):
    Z, y = labelled()
    targets, L = target_neighbours(Z, y, 3), np.random.default_rng(1).normal(size=(3, 4))
    loss, _ = lmnn_loss(L, Z, y, targets, mu)
    assert loss == pytest.approx(loss_by_hand(L, Z, y, targets, mu) / 180, rel=1e-10)


@pytest.mark.parametrize("scale", [0.2, 1.0])
def test_gradient_is_that_of_finite_differences(scale):
    Z, y = labelled()
    Z[5] = Z[4]
    targets = target_neighbours(Z, y, 3)
    L = scale * np.random.default_rng(1).normal(size=(4, 4))
    _, slope = lmnn_loss(L, Z, y, targets, 0.4)
    numeric = approx_fprime(
        L.ravel(), lambda flat: lmnn_loss(flat.reshape(4, 4), Z, y, targets, 0.4)[0], 1e-7
    )
    np.testing.assert_allclose(slope.ravel(), numeric, rtol=1e-4, atol=1e-4)


def test_blocks_change_nothing(monkeypatch):
    Z, y = labelled()
    targets, L = target_neighbours(Z, y, 3), np.eye(4)
    whole = lmnn_loss(L, Z, y, targets, 0.5)
    monkeypatch.setattr(lmnn, "BLOCK", 70)  # one or two rows
    np.testing.assert_array_equal(target_neighbours(Z, y, 3), targets)
    cut = lmnn_loss(L, Z, y, targets, 0.5)
    assert cut[0] == pytest.approx(whole[0], rel=1e-12)
    np.testing.assert_allclose(cut[1], whole[1], rtol=1e-10, atol=1e-12)


def test_targets_are_the_nearest_of_the_class():
    Z, y = labelled()
    targets = target_neighbours(Z, y, 3)
    for code in range(3):
        own = np.flatnonzero(y == code)
        found = NearestNeighbors(n_neighbors=3).fit(Z[own]).kneighbors(return_distance=False)
        np.testing.assert_array_equal(targets[own], own[found])


def test_small_classes_have_fewer_targets():
    Z, y = np.random.default_rng(0).normal(size=(8, 2)), np.array([0, 0, 0, 0, 0, 1, 1, 2])
    targets = target_neighbours(Z, y, 3)
    np.testing.assert_array_equal((targets >= 0).sum(axis=1), [3, 3, 3, 3, 3, 1, 1, 0])
    loss, slope = lmnn_loss(np.eye(2), Z, y, targets, 0.5)
    assert loss == pytest.approx(loss_by_hand(np.eye(2), Z, y, targets, 0.5) / 17)
    assert np.isfinite(slope).all()


def test_loss_and_gradient_are_metric_learns(reference):
    Z, y = labelled()
    targets = target_neighbours(Z, y, 3)
    L = 0.7 * np.random.default_rng(1).normal(size=(4, 4))
    theirs = reference.LMNN(n_neighbors=3, regularization=0.4)
    theirs.labels_ = np.arange(3)
    gaps = Z[targets.ravel()] - np.repeat(Z, 3, axis=0)
    slope, loss, _ = theirs._loss_grad(Z, L, gaps.T @ gaps, 3, 0.4, targets, y)
    ours = lmnn_loss(L, Z, y, targets, 0.6)
    assert ours[0] * targets.size == pytest.approx(loss, rel=1e-9)
    np.testing.assert_allclose(ours[1] * targets.size, slope, rtol=1e-8, atol=1e-8)


def test_descent_ends_no_higher_than_metric_learns(reference):
    X, y = labelled(n=90, noise=0.8)
    fitted = LMNN(pca=4, max_iter=300).fit(X, y)
    # Theirs starts from the same coordinates: rotated, and scaled.
    scale = np.sqrt(lmnn.SPREAD / np.mean(np.square(X[:, None] - X[None]).sum(axis=2)) * 89 / 90)
    Z = scale * (X - X.mean(axis=0))
    theirs = reference.LMNN(
        n_neighbors=3, regularization=0.5, max_iter=1000, learn_rate=1e-4, convergence_tol=1e-6
    ).fit(Z, y)
    targets = target_neighbours(Z, y, 3)
    start = lmnn_loss(np.eye(4), Z, y, targets, 0.5)[0]
    reached = lmnn_loss(theirs.components_, Z, y, targets, 0.5)[0]
    assert reached < 0.95 * start
    assert fitted.loss_ <= 1.001 * reached


def test_stopping_too_early_warns_and_zero_steps_keep_the_axes():
    X, y = labelled()
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        assert LMNN(max_iter=1).fit(X, y).n_iter_ == 1
    L = LMNN(max_iter=0).fit(X, y).components_.astype(float)
    A = L.T @ L
    np.testing.assert_allclose(A / A[0, 0], np.eye(4), atol=1e-5)


@pytest.mark.parametrize("argument", [{"neighbours": 0}, {"mu": 2}, {"max_iter": -1}])
def test_impossible_parameter_is_named(argument):
    with pytest.raises(ValueError, match=next(iter(argument))):
        LMNN(**argument).fit(*labelled())
