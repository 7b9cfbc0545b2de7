import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC

from avlib.systems.common import smo
from avlib.systems.common.decision import pairwise
from avlib.systems.common.smo import BLOCK, TOLERANCE, train_pairs


def problem(counts, seed=0, gamma=0.2, spread=1.0):
    """Return the kernel of overlapping classes, and their codes."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    x = rng.normal(size=(len(y), 6)) + spread * rng.normal(size=(len(counts), 6))[y]
    return rbf_kernel(x, gamma=gamma).astype(np.float32), y


def parts(counts):
    ends = np.cumsum([0, *counts])
    classes = [np.arange(*ends[k : k + 2]) for k in range(len(counts))]
    return list(itertools.combinations(classes, 2))


def worth(kernel, signs, beta):
    return signs @ beta - beta @ kernel @ beta / 2


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    c=st.lists(st.sampled_from([1e-3, 0.3, 1.0, 10.0, 1e3]), min_size=1, max_size=4),
    gamma=st.sampled_from([1e-4, 0.05, 1.0, 50.0]),
    doubled=st.booleans(),
    seed=st.integers(0, 99),
)
def test_no_pair_of_coefficients_could_be_moved_for_the_better(counts, c, gamma, doubled, seed):
    """The conditions of optimality, in double precision, whatever C came before."""
    kernel, y = problem(counts, seed, gamma)
    if doubled:  # every sample is there in the next class, too
        kernel = kernel[np.ix_(*[np.arange(len(y)) // 2] * 2)]
    weights = np.linspace(0.5, 2.0, len(counts))
    for one, found in zip(c, train_pairs(kernel, np.array(counts), c, weights), strict=True):
        exact = kernel.astype(np.float64)
        for k, (first, second) in enumerate(parts(counts)):
            rows = np.concatenate([first, second])
            beta = found.coefficients[k]
            assert not np.delete(beta, rows).any()
            signs = np.repeat([1.0, -1.0], [len(first), len(second)])
            bound = signs * one * weights[y[rows]]
            low, high, beta = np.minimum(bound, 0), np.maximum(bound, 0), beta[rows]
            assert (low <= beta).all()
            assert (beta <= high).all()
            assert abs(beta.sum()) < 1e-9 * one * len(rows)
            slope = signs - exact[np.ix_(rows, rows)] @ beta
            rises, falls = slope[beta < high], slope[beta > low]
            rounding = 1e-4 + 2e-6 * one  # of slopes in single precision
            assert rises.max() - falls.min() < TOLERANCE + rounding
            free = (low < beta) & (beta < high)
            edges = (slope[free].mean(),) if free.any() else (rises.max(), falls.min())
            assert min(edges) - rounding < found.intercepts[k] < max(edges) + rounding


@pytest.mark.parametrize("n_per_class", [BLOCK // 2 - 1, BLOCK, BLOCK + 70])
@pytest.mark.parametrize("balanced", [False, True])
def test_decisions_are_libsvms(n_per_class, balanced):
    counts = np.array([n_per_class, n_per_class + 5, n_per_class // 2])
    kernel, y = problem(counts)
    weights = len(y) / (3 * counts) if balanced else np.ones(3)
    c = [10.0, 0.3]
    for one, found in zip(c, train_pairs(kernel, counts, c, weights), strict=True):
        svc = SVC(C=one, kernel="precomputed", class_weight="balanced" if balanced else None)
        coefficients, intercepts = pairwise(svc.fit(kernel, y))
        expected = kernel[:, svc.support_] @ coefficients.T + intercepts
        ours = kernel @ found.coefficients.T + found.intercepts
        np.testing.assert_allclose(ours, expected, atol=4 * TOLERANCE)
        assert np.ptp(expected) > 1.0


def test_maximum_is_that_of_a_general_solver():
    kernel, y = problem([7, 9])
    signs = np.where(y == 0, 1.0, -1.0)
    exact = kernel.astype(np.float64)
    for c in (0.2, 2.0):
        (found,) = train_pairs(kernel, np.array([7, 9]), [c], np.ones(2))
        best = minimize(
            lambda beta: -worth(exact, signs, beta),
            np.zeros(16),
            jac=lambda beta: exact @ beta - signs,
            bounds=[(min(0, c * s), max(0, c * s)) for s in signs],
            constraints=LinearConstraint(np.ones(16), 0, 0),
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        )
        assert worth(exact, signs, found.coefficients[0]) == pytest.approx(-best.fun, rel=1e-4)


def test_a_kernel_that_is_not_finite_is_an_error():
    kernel, _ = problem([4, 4])
    kernel[1, 6] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        train_pairs(kernel, np.array([4, 4]), [1.0], np.ones(2))


def test_an_svm_that_is_left_unfinished_is_said_and_the_next_c_goes_on_from_there(monkeypatch):
    kernel, _ = problem([30, 30])
    (best,) = train_pairs(kernel, np.array([30, 30]), [10.0], np.ones(2))
    monkeypatch.setattr(smo, "STEPS", 3)
    with pytest.warns(ConvergenceWarning, match="after 3 steps: C 10"):
        (found,) = train_pairs(kernel, np.array([30, 30]), [10.0], np.ones(2))
    assert abs(found.coefficients.sum()) < 1e-12
    with pytest.warns(ConvergenceWarning):
        *_, last = train_pairs(kernel, np.array([30, 30]), [10.0] * 300, np.ones(2))
    signs = np.repeat([1.0, -1.0], 30)
    reached, most = (worth(kernel, signs, one.coefficients[0]) for one in (last, best))
    assert worth(kernel, signs, found.coefficients[0]) < 0.9 * most
    assert reached == pytest.approx(most, rel=1e-3)
