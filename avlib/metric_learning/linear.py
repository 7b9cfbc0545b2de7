"""What LMNN, ITML and GMML share: PCA, then one linear map of all features."""

from abc import abstractmethod
from numbers import Integral
from typing import ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from avlib.metric_learning.training_subspace import TrainingSubspace, principal_subspace
from avlib.runtime.threads import single_thread


class LinearMetric(TransformerMixin, BaseEstimator):
    """A Mahalanobis distance learned on the leading principal axes.

    The features are centred, divided by the root of their mean squared pair distance and rotated
    onto at most `pca` principal axes (no more than their rank). A method learns a map L there;
    ``d^2 = |L (z - z')|^2``. The division is an exact change of variables, undone in
    ``components_``: parameters mean the same for features in any unit.

    Features that are all constant give a map of zeros: every distance is 0.

    Attributes
    ----------
    components_ : array of shape (p, d)
        Axes, scale and L in one: squared Euclidean distance after `transform` is the learned one.
        float32 or float64, like the features it was learned from.
    mean_ : array of shape (d,)
        In the precision of `components_`.
    classes_ : array of shape (n_classes,)
    """

    pca: int
    seed: int
    _parameter_constraints: ClassVar[dict] = {"pca": [Interval(Integral, 1, None, closed="left")]}

    def reduce(self, X: np.ndarray) -> TrainingSubspace:
        """Find the principal axes of a matrix of shape (n, d), for fits that share them."""
        with single_thread():
            return principal_subspace(X, self.pca, self.seed)

    def fit(self, X: np.ndarray, y: np.ndarray, subspace: TrainingSubspace | None = None) -> Self:
        """Learn the metric.

        Parameters
        ----------
        X : array of shape (n, d)
        y : array of shape (n,)
            Classes. A class with one sample is only ever unlike another.
        subspace : TrainingSubspace, optional
            What `reduce` returned for X.

        Returns
        -------
        LinearMetric
            itself

        Raises
        ------
        ValueError
            An impossible parameter, features that are not finite, unequal lengths, fewer than two
            samples or classes, or no class with two samples.
        """
        self._validate_params()
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a metric needs at least two classes, got {list(self.classes_)}")
        if np.bincount(codes).max() < 2:
            raise ValueError(
                f"a metric needs a class with at least two samples, got {len(y)} samples of"
                f" {len(self.classes_)} classes"
            )
        subspace = subspace or self.reduce(X)
        with single_thread():
            L = self._learn(subspace.coordinates @ subspace.axes.T, codes)
            self.components_ = subspace.restore(L @ subspace.axes).astype(X.dtype)
            self.mean_ = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        return self

    @abstractmethod
    def _learn(self, Z: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return L of shape (p, p) for float32 principal coordinates (n, p) and class codes."""

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Map samples so that squared Euclidean distance is the learned one.

        Returns
        -------
        array of shape (n, p)
            In the precision of X, float32 or float64.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        with single_thread():
            return ((X - self.mean_) @ self.components_.T).astype(X.dtype)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def square_root(A: np.ndarray) -> np.ndarray:
    """Return L with ``L^T L = A`` for a positive semi-definite matrix of shape (p, p)."""
    values, vectors = np.linalg.eigh(A)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
