"""The coordinates in which a metric is learned: the span of the training features, on one scale."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.decomposition import PCA

SUBSPACE_RATIO = 2  # rotate when there are more than this many features per sample
RELATIVE_RANK = 1e-9  # variances below this share of the largest are rounding


@dataclass(frozen=True)
class TrainingSubspace:
    """Training features of one modality in learning coordinates.

    Attributes
    ----------
    coordinates : float32 array of shape (n, r)
        Mean squared distance between two rows is 1.
    axes : float32 array of shape (p, r)
        Leading principal axes, at most the rank of the features.
    basis : float64 array of shape (r, d), or None for the identity
        Orthonormal rows that the coordinates refer to.
    scale : float
        Original length of a coordinate of 1.
    """

    coordinates: np.ndarray
    axes: np.ndarray
    basis: np.ndarray | None
    scale: float

    def restore(self, W: np.ndarray) -> np.ndarray:
        """Bring a matrix of shape (p, r) back to the original features: float64 (p, d)."""
        W = W.astype(np.float64) / self.scale
        return W if self.basis is None else W @ self.basis


def principal_subspace(X: np.ndarray, dim: int, seed: int) -> TrainingSubspace:
    """Find learning coordinates and the first principal axes.

    With far more features than samples (d > 2 n) the features are rotated into the span of the
    centred samples. That changes no result: distances and gradients know the samples only through
    differences ``x_i - x_j``, which lie in that span, so a W whose rows begin there (PCA and our
    random one do) stays there, and a rotation keeps every inner product. It saves d / n.

    Parameters
    ----------
    X : array of shape (n, d)
    dim : int
        Principal axes wanted.
    seed : int
        Of the randomised solver that large matrices get.

    Returns
    -------
    TrainingSubspace
        A constant matrix has one axis, of zeros.
    """
    mean = np.mean(X, axis=0, dtype=np.float64)
    centred = np.subtract(X, mean, dtype=np.float64)
    n, d = centred.shape
    # In place, and centred once more: two such matrices would be most of a fold's memory.
    scale = float(np.sqrt(2.0 * np.square(centred, out=centred).sum() / max(n - 1, 1)))
    if scale <= np.finfo(np.float32).eps * float(np.abs(X).max(initial=0.0)):
        return TrainingSubspace(
            np.zeros((n, 1), np.float32), np.zeros((1, 1), np.float32), np.eye(1, d), 1.0
        )
    np.subtract(X, mean, out=centred)
    centred /= scale
    if d > SUBSPACE_RATIO * n:
        variance, U = eigh(centred @ centred.T)
        keep = np.flatnonzero(variance > RELATIVE_RANK * variance[-1])[::-1]
        coordinates = U[:, keep] * np.sqrt(variance[keep])
        basis = (U[:, keep] / np.sqrt(variance[keep])).T @ centred
        axes = np.eye(min(dim, len(keep)), len(keep))
        return TrainingSubspace(_single(coordinates), _single(axes), basis, scale)
    # Large matrices get the randomised solver, for which single precision is enough.
    coordinates = _single(centred)
    if min(n, d) > 1000:
        centred = coordinates
    pca = PCA(min(dim, n, d), random_state=seed, iterated_power=5).fit(centred)
    axes = pca.components_[pca.explained_variance_ > RELATIVE_RANK * pca.explained_variance_[0]]
    return TrainingSubspace(coordinates, _single(axes), None, scale)


def _single(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)
