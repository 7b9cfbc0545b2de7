"""An SVM's decisions from stored arrays, and probabilities from decisions."""

import itertools
from collections.abc import Callable

import numpy as np
from scipy import special
from scipy.optimize import minimize_scalar
from sklearn.svm import SVC

CERTAIN = 1e-7  # that a pair's probability stays off 0 and 1; libsvm's


def pairwise(svc: SVC) -> tuple[np.ndarray, np.ndarray]:
    """Lay an SVC's dual coefficients and intercepts out as one row per pair of classes.

    Parameters
    ----------
    svc : SVC
        Fitted with a precomputed kernel.

    Returns
    -------
    coefficients : array of shape (n_pairs, n_support)
        Pairs (0, 1), (0, 2), ..., (1, 2), ... of ``svc.classes_``; a positive
        ``K @ row + intercept`` votes for the first class of the pair.
    intercepts : array of shape (n_pairs,)
    """
    n_classes = len(svc.classes_)
    if n_classes == 2:  # scikit-learn turns the sign of the binary case
        return -np.asarray(svc.dual_coef_), -svc.intercept_
    owner = np.repeat(np.arange(n_classes), svc.n_support_)
    rows = []
    for i, j in itertools.combinations(range(n_classes), 2):
        first = np.where(owner == i, svc.dual_coef_[j - 1], 0.0)
        rows.append(first + np.where(owner == j, svc.dual_coef_[i], 0.0))
    return np.array(rows), np.asarray(svc.intercept_)


def coupled(
    pairwise: np.ndarray, classes: np.ndarray, n_classes: int, temperature: float
) -> np.ndarray:
    """Turn pairwise decisions into probabilities of the classes.

    A decision over the temperature is the log odds of the pair's first class. The pairs are coupled
    by the second method of Wu, Lin and Weng (2004, "Probability estimates for multi-class
    classification by pairwise coupling"): with r_ij that of i in its pair with j, the p that sum to
    one and minimise the sum over all pairs of ``(r_ji p_i - r_ij p_j)^2``.

    Parameters
    ----------
    pairwise : array of shape (n, n_seen (n_seen - 1) / 2)
    classes : int array of shape (n_seen,)
        Codes of the classes that were learned.
    n_classes : int
    temperature : float

    Returns
    -------
    array of shape (n, n_classes)
        0 for a class that was not learned.
    """
    n_seen = len(classes)
    first, second = np.triu_indices(n_seen, 1)
    r = np.clip(special.expit(pairwise / temperature), CERTAIN, 1 - CERTAIN)
    system = np.zeros((len(r), n_seen, n_seen))
    system[:, first, second], system[:, second, first] = r, 1 - r
    squares = np.square(system).sum(axis=1)
    system *= -system.transpose(0, 2, 1)
    system[:, range(n_seen), range(n_seen)] = squares
    # Of p'Qp with e'p = 1 the minimum is Qp = ve, so (Q + ee')p is a multiple of e, too; and Q
    # alone is singular where the pairs agree.
    p = np.linalg.solve(system + 1, np.ones((len(r), n_seen, 1)))[..., 0]
    p = np.maximum(p, 0)  # rounding
    probabilities = np.zeros((len(r), n_classes))
    probabilities[:, classes] = p / p.sum(axis=1, keepdims=True)
    return probabilities


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood of labels, columns of the probabilities."""
    likelihood = probabilities[np.arange(len(labels)), labels]
    return -float(np.log(np.maximum(likelihood, 1e-300)).mean())


def fit_temperature(
    probabilities: Callable[[float], np.ndarray], labels: np.ndarray
) -> tuple[float, float]:
    """Find the temperature that makes the labels most likely.

    Parameters
    ----------
    probabilities : function of a temperature
        Returns those of n samples, of shape (n, n_classes).
    labels : int array of shape (n,)
        Their true codes.

    Returns
    -------
    temperature : float
        In [0.02, 20]; 1 when there is no label.
    nll : float
        Mean negative log-likelihood of the labels under it; 0 when there is none.
    """
    if not len(labels):
        return 1.0, 0.0

    def nll(log_temperature: float) -> float:
        return negative_log_likelihood(probabilities(float(np.exp(log_temperature))), labels)

    bounds = np.log(0.02), np.log(20.0)
    found = minimize_scalar(nll, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x)), float(found.fun)
