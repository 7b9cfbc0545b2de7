"""LMNN: neighbours of one class close, samples of other classes a margin farther away."""

from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from scipy.optimize import minimize
from sklearn.utils._param_validation import Interval

from avlib.metric_learning.base import squared_distances, warn_unconverged
from avlib.metric_learning.linear import LinearMetric

SPREAD = 10.0  # mean squared pair distance at the start, in margins
BLOCK = 2**21  # distances held at a time


@dataclass(eq=False, repr=False)
class LMNN(LinearMetric):
    """Large Margin Nearest Neighbour classification's metric.

    Minimises ``(1 - mu) sum d^2(i, j) + mu sum [1 + d^2(i, j) - d^2(i, l)]_+`` (eqs. 11-13), where
    j are the target neighbours of i, the nearest of its class on the principal axes, and l all
    samples of other classes. The descent is on L, where the problem is not convex, by L-BFGS from
    the principal axes. Every step looks at all samples of other classes, block by
    block, so that memory grows with n and not with n^2.

    A class with fewer than ``neighbours + 1`` samples has fewer target neighbours; a sample alone
    in its class has none and only keeps others away.

    Parameters
    ----------
    pca : int
        Principal axes kept before.
    neighbours : int
        Target neighbours of each sample.
    mu : float
        In [0, 1]: weight of pushing others away against pulling target neighbours.
    max_iter : int
        Steps at most; 0 keeps the principal axes.
    seed : int
        Of the PCA of large matrices.

    Attributes
    ----------
    loss_ : float
        Of the end, per target pair.
    n_iter_ : int
        Steps taken.
    converged_ : bool

    References
    ----------
    Weinberger, Saul: Distance Metric Learning for Large Margin Nearest Neighbor Classification,
    JMLR 10, 2009.
    """

    pca: int = 200
    _: KW_ONLY
    neighbours: int = 3
    mu: float = 0.5
    max_iter: int = 50
    seed: int = 0

    _parameter_constraints: ClassVar[dict] = {
        **LinearMetric._parameter_constraints,
        "neighbours": [Interval(Integral, 1, None, closed="left")],
        "mu": [Interval(Real, 0, 1, closed="both")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
    }

    def _learn(self, Z: np.ndarray, codes: np.ndarray) -> np.ndarray:
        order = np.argsort(codes, kind="stable")
        Z, codes = Z[order] * np.float32(SPREAD**0.5), codes[order]
        targets = target_neighbours(Z, codes, self.neighbours)
        p = Z.shape[1]

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            loss, slope = lmnn_loss(flat.reshape(p, p), Z, codes, targets, self.mu)
            return loss, slope.ravel()

        start = np.eye(p).ravel()
        if self.max_iter == 0:
            self.loss_, self.n_iter_, self.converged_ = objective(start)[0], 0, True
            return np.eye(p)
        found = minimize(
            objective, start, method="L-BFGS-B", jac=True, options={"maxiter": self.max_iter}
        )
        self.loss_, self.n_iter_, self.converged_ = float(found.fun), found.nit, found.success
        if not self.converged_:
            warn_unconverged(
                f"LMNN stopped after {found.nit} steps before it converged: a larger max_iter may"
                " help"
            )
        return found.x.reshape(p, p)


def target_neighbours(Z: np.ndarray, codes: np.ndarray, neighbours: int) -> np.ndarray:
    """Find the nearest samples of the same class.

    Parameters
    ----------
    Z : array of shape (n, p)
    codes : int array of shape (n,)

    Returns
    -------
    int array of shape (n, neighbours)
        Nearest first; -1 where the class has no more samples.
    """
    targets = np.full((len(Z), neighbours), -1)
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        k = min(neighbours, len(own) - 1)
        for rows in _blocks(own, len(own)):
            distances = squared_distances(Z[rows], Z[own])
            distances[np.arange(len(rows)), np.searchsorted(own, rows)] = np.inf
            targets[rows, :k] = own[np.argsort(distances, axis=1, kind="stable")[:, :k]]
    return targets


def lmnn_loss(
    L: np.ndarray, Z: np.ndarray, codes: np.ndarray, targets: np.ndarray, mu: float
) -> tuple[float, np.ndarray]:
    """Evaluate the objective and its gradient.

    Parameters
    ----------
    L : float64 array of shape (q, p)
    Z : float32 or float64 array of shape (n, p)
        Distances are computed in its precision.
    codes : int array of shape (n,)
        Classes, ascending.
    targets : int array of shape (n, k)
        From `target_neighbours`.
    mu : float

    Returns
    -------
    loss : float
        Per target pair.
    gradient : float64 array of shape (q, p)
        Of the loss with respect to L.
    """
    E = Z @ L.T.astype(Z.dtype)
    rows, column = np.nonzero(targets >= 0)
    pulled = targets[rows, column]
    near = np.full(targets.shape, -np.inf, Z.dtype)  # no target keeps nobody away
    near[rows, column] = np.square(E[rows] - E[pulled]).sum(axis=1)
    loss = (1.0 - mu) * near[rows, column].sum(dtype=np.float64)
    # Loss and gradient are sums over pairs (a, b) of weights times d^2 and its gradient
    # 2 L (z_a - z_b)(z_a - z_b)^T. `cross` is Z^T weights Z, `mass` the weights at each sample.
    cross = np.zeros((Z.shape[1],) * 2)
    mass = np.zeros(len(Z))
    wanted = np.zeros(targets.shape)
    squares = np.square(E).sum(axis=1)
    for code in np.unique(codes):
        begin, end = np.searchsorted(codes, [code, code + 1])
        others = np.r_[0:begin, end : len(Z)]
        others_E, others_Z = E[others], Z[others]
        for block in _blocks(np.arange(begin, end), len(others)):
            distance = E[block] @ (-2.0 * others_E.T)
            distance += squares[block][:, None]
            distance += squares[others]
            invaders = np.zeros_like(distance)  # in how many targets' margins a sample stands
            for k in range(targets.shape[1]):
                hinge = (1.0 + near[block, k])[:, None] - distance
                active = hinge > 0
                wanted[block, k] = active.sum(axis=1)
                loss += mu * np.maximum(hinge, 0.0, out=hinge).sum(dtype=np.float64)
                invaders += active
            cross -= mu * (Z[block].T @ (invaders @ others_Z))
            mass[block] -= mu * invaders.sum(axis=1)
            mass[others] -= mu * invaders.sum(axis=0)
    weights = (1.0 - mu) + mu * wanted[rows, column]
    cross += (Z[rows] * weights[:, None]).T @ Z[pulled]
    mass += np.bincount(rows, weights, len(Z)) + np.bincount(pulled, weights, len(Z))
    gradient = 2.0 * L @ ((Z * mass[:, None]).T @ Z - cross - cross.T)
    return loss / len(rows), gradient / len(rows)


def _blocks(rows: np.ndarray, width: int) -> list[np.ndarray]:
    """Cut rows so that a matrix of a block and `width` columns stays within `BLOCK` values."""
    size = max(1, BLOCK // max(width, 1))
    return [rows[i : i + size] for i in range(0, len(rows), size)]
