"""GMML: the metric on the geodesic between two scatter matrices, in closed form."""

from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import ClassVar

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.utils._param_validation import Interval

from avlib.metric_learning.linear import LinearMetric

RELATIVE_RANK = 1e-7  # of single precision: a smaller share of the largest eigenvalue is rounding


@dataclass(eq=False, repr=False)
class GMML(LinearMetric):
    """Geometric Mean Metric Learning.

    ``A = S^-1 #_t D``, the point at t on the geodesic from the inverse of the similar pairs'
    scatter S to the dissimilar pairs' scatter D; at t = 1/2 it solves ``A S A = D``. S and D are
    means over all pairs, computed from class sums without enumerating any; the paper sums over a
    sample of pairs. Both are regularised towards the identity as prior, ``S + r I`` and
    ``D + r I``, where r is `regularisation` times the mean over the axes of all pairs' scatter.

    Parameters
    ----------
    pca : int
        Principal axes kept before.
    t : float
        In [0, 1]; 0 takes S alone, 1 takes D alone.
    regularisation : float
        At least 0. 0 wants more samples than axes: S must not be singular.
    seed : int
        Of the PCA of large matrices.

    References
    ----------
    Zadeh, Hosseini, Sra: Geometric Mean Metric Learning, ICML 2016.
    """

    pca: int = 200
    _: KW_ONLY
    t: float = 0.5
    regularisation: float = 0.1
    seed: int = 0

    _parameter_constraints: ClassVar[dict] = {
        **LinearMetric._parameter_constraints,
        "t": [Interval(Real, 0, 1, closed="both")],
        "regularisation": [Interval(Real, 0, None, closed="left")],
    }

    def _learn(self, Z: np.ndarray, codes: np.ndarray) -> np.ndarray:
        if not Z.any():
            return np.zeros((Z.shape[1],) * 2)
        S, D, everything = pair_scatters(Z, codes)
        r = self.regularisation * np.trace(everything) / len(everything)
        return geodesic_root(S + r * np.eye(len(S)), D + r * np.eye(len(D)), self.t)


def pair_scatters(Z: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Average ``(z_i - z_j)(z_i - z_j)^T`` over all pairs i < j of a kind.

    Parameters
    ----------
    Z : array of shape (n, p)
    codes : int array of shape (n,)
        Classes: at least two, one of them with two samples.

    Returns
    -------
    similar, dissimilar, everything : float64 arrays of shape (p, p)
        Over pairs of one class, of two classes, of any. The sum over the pairs of a set of m
        samples is m times their scatter about their mean.
    """
    Z = Z.astype(np.float64)
    counts = np.bincount(codes)
    means = np.zeros((len(counts), Z.shape[1]))
    np.add.at(means, codes, Z)
    means /= np.maximum(counts, 1)[:, None]
    within = (Z - means[codes]) * np.sqrt(counts[codes])[:, None]
    centred = Z - Z.mean(axis=0)
    similar, everything = within.T @ within, len(Z) * (centred.T @ centred)
    n_similar, n_all = (counts * (counts - 1) // 2).sum(), len(Z) * (len(Z) - 1) // 2
    return similar / n_similar, (everything - similar) / (n_all - n_similar), everything / n_all


def geodesic_root(S: np.ndarray, D: np.ndarray, t: float) -> np.ndarray:
    """Return L of shape (p, p) with ``L^T L = S^-1 #_t D``.

    With S = R^T R the geodesic is ``R^-1 (R D R^T)^t R^-T``.

    Raises
    ------
    ValueError
        S is singular.
    """
    spectrum = np.linalg.eigvalsh(S)
    if spectrum[0] <= RELATIVE_RANK * spectrum[-1]:
        raise ValueError(
            "the scatter of similar pairs is singular (fewer samples than axes, or axes without"
            " variance inside the classes): take a regularisation above 0, or fewer axes (pca)"
        )
    R = np.linalg.cholesky(S).T
    values, Q = np.linalg.eigh(R @ D @ R.T)
    return np.maximum(values, 0.0)[:, None] ** (t / 2.0) * solve_triangular(R, Q).T
