"""The polynomial SVM that decides on a clip's pooled features."""

from collections.abc import Mapping

import numpy as np
from sklearn.svm import SVC

from avlib.errors import DataError
from avlib.metric_learning.base import single_thread
from avlib.models.decision import (
    fit_temperature,
    one_vs_rest,
    pairwise_coefficients,
    pairwise_intercepts,
    softmax,
)


class PolynomialSVM:
    """SVM with kernel ``(gamma x.y + 1)^degree`` on centred features.

    gamma is one over the features' summed variance, so that it fits features of any scale.

    Parameters
    ----------
    n_classes : int
        Codes run from 0 to n_classes - 1; a class without training samples gets probability 0.
    c : float
    degree : int

    Attributes
    ----------
    classes_ : int array of shape (n_seen,)
    support_ : array of shape (n_support, d)
        Support samples, centred.
    coefficients_ : array of shape (n_pairs, n_support)
    intercepts_ : array of shape (n_pairs,)
    mean_ : array of shape (d,)
    gamma_, temperature_ : float
    """

    def __init__(self, n_classes: int, *, c: float, degree: int) -> None:
        self.n_classes, self.c, self.degree = n_classes, c, degree

    def fit(self, x: np.ndarray, y: np.ndarray) -> "PolynomialSVM":
        """Train on samples of shape (n, d) with codes of shape (n,).

        Raises
        ------
        DataError
            Fewer than two classes.
        """
        if len(np.unique(y)) < 2:
            raise DataError(
                f"an SVM needs at least two emotions, the {len(y)} training clips have"
                f" {len(np.unique(y))}: check the folds and the labels"
            )
        self.mean_ = x.mean(axis=0)
        centred = x - self.mean_
        variance = float(np.square(centred).sum(axis=1).mean())
        self.gamma_ = 1 / variance if variance > 0 else 1.0
        with single_thread():
            kernel = self._kernel(centred, centred)
            svc = SVC(C=self.c, kernel="precomputed").fit(kernel, y)
        self.classes_ = np.asarray(svc.classes_)
        self.support_ = centred[svc.support_]
        self.coefficients_ = pairwise_coefficients(svc)
        self.intercepts_ = pairwise_intercepts(svc)
        self.temperature_ = 1.0
        return self

    def calibrate(self, x: np.ndarray, y: np.ndarray) -> "PolynomialSVM":
        """Choose the temperature of the probabilities on samples that it was not trained on."""
        columns = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        columns[self.classes_[columns] != y] = -1
        self.temperature_ = fit_temperature(self.decide(x), columns)[0]
        return self

    def decide(self, x: np.ndarray) -> np.ndarray:
        """One-vs-rest decisions of shape (n, n_seen); the largest is the SVM's decision."""
        with single_thread():
            kernel = self._kernel(x - self.mean_, self.support_)
            pairwise = kernel @ self.coefficients_.T + self.intercepts_
        return one_vs_rest(pairwise, len(self.classes_))

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities of shape (n, n_classes); the largest is the SVM's decision."""
        chances = np.zeros((len(x), self.n_classes))
        chances[:, self.classes_] = softmax(self.decide(x), self.temperature_)
        return chances

    def state(self) -> dict[str, np.ndarray]:
        """Return the fitted state as arrays."""
        names = ("classes", "support", "coefficients", "intercepts", "mean", "gamma", "temperature")
        return {name: np.asarray(getattr(self, f"{name}_")) for name in names}

    def restore(self, state: Mapping[str, np.ndarray]) -> "PolynomialSVM":
        """Take on a state that `state` returned."""
        for name, values in state.items():
            setattr(self, f"{name}_", values if values.ndim else float(values))
        return self

    def _kernel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (self.gamma_ * (a @ b.T) + 1.0) ** self.degree
