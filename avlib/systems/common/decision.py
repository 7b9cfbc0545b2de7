"""An SVM's decisions from stored arrays, and probabilities from decisions."""

import itertools

import numpy as np
from scipy import special
from scipy.optimize import minimize_scalar
from sklearn.svm import SVC


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


def one_vs_rest(pairwise: np.ndarray, n_classes: int) -> np.ndarray:
    """Turn pairwise decisions into one value per class.

    Parameters
    ----------
    pairwise : array of shape (n, n_classes (n_classes - 1) / 2)

    Returns
    -------
    array of shape (n, n_classes)
        Votes, with ties broken by the summed decisions squashed into (-1/3, 1/3), as
        scikit-learn does. The largest is the SVM's decision.
    """
    votes = np.zeros((len(pairwise), n_classes))
    confidence = np.zeros_like(votes)
    for k, (i, j) in enumerate(itertools.combinations(range(n_classes), 2)):
        first = pairwise[:, k] >= 0
        votes[:, i] += first
        votes[:, j] += ~first
        confidence[:, i] += pairwise[:, k]
        confidence[:, j] -= pairwise[:, k]
    return votes + confidence / (3.0 * (np.abs(confidence) + 1.0))


def softmax(values: np.ndarray, temperature: float) -> np.ndarray:
    """Return row-wise softmax of ``values / temperature``, shape (n, n_classes)."""
    scaled = (values - values.max(axis=1, keepdims=True)) / temperature
    return special.softmax(scaled, axis=1)


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood of labels, columns of the probabilities."""
    likelihood = probabilities[np.arange(len(labels)), labels]
    return -float(np.log(np.maximum(likelihood, 1e-300)).mean())


def fit_temperature(values: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Find the temperature that makes the labels most likely.

    Parameters
    ----------
    values : array of shape (n, n_classes)
        One-vs-rest decisions; -inf for a class that was never learned.
    labels : int array of shape (n,)
        True codes; samples of a class that was never learned are left out.

    Returns
    -------
    temperature : float
        In [0.05, 20]; 1 when no label is known.
    nll : float
        Mean negative log-likelihood of the labels under it; 0 when none is known.
    """
    known = np.isfinite(values[np.arange(len(labels)), labels])
    if not known.any():
        return 1.0, 0.0
    values, labels = values[known], labels[known]

    def nll(log_temperature: float) -> float:
        probabilities = softmax(values, float(np.exp(log_temperature)))
        return negative_log_likelihood(probabilities, labels)

    found = minimize_scalar(nll, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x)), float(found.fun)
