"""The polynomial SVM that decides on a clip's pooled features."""

import warnings
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import SVC

from avlib.runtime.threads import single_thread
from avlib.systems.common.decision import coupled, fit_temperature, pairwise

# Of the solver for each sample, at most. Powers of far samples are so large that it can go on for
# hours over those that no margin divides; long before, further steps change no decision.
STEPS = 100
Labelled = tuple[np.ndarray, np.ndarray]  # features, labels


class PolynomialSVM:
    """SVM with kernel ``(gamma x.y + coef0)^degree``.

    Ma et al. 2019 (AVEF), section 4.2, take libsvm's toolkit and say nothing of its settings.

    Parameters
    ----------
    n_classes : int
        Codes run from 0 to n_classes - 1; a class without training samples gets probability 0.
    c : float
    degree : int
    kernel : {"scaled", "libsvm"}
        "scaled": features are centred, gamma is one over their summed variance, so that it fits
        features of any scale, and coef0 is 1, so that the kernel has all degrees up to its own.
        "libsvm": its defaults (Chang and Lin 2011), the features as they are, gamma 1 / d, coef0 0.

    Attributes
    ----------
    classes_ : int array of shape (n_seen,)
    support_ : array of shape (n_support, d)
        Support samples, less the mean.
    coefficients_ : array of shape (n_pairs, n_support)
    intercepts_ : array of shape (n_pairs,)
    mean_ : array of shape (d,)
        0 with libsvm's defaults.
    gamma_, temperature_ : float
    """

    def __init__(self, n_classes: int, *, c: float, degree: int, kernel: str = "scaled") -> None:
        self.n_classes, self.c, self.degree, self.kernel = n_classes, c, degree, kernel

    def fit(self, x: np.ndarray, y: np.ndarray) -> "PolynomialSVM":
        """Train on samples of shape (n, d) with codes of shape (n,), of two classes at least."""
        if self.kernel == "libsvm":
            self.mean_, self.gamma_ = np.zeros(x.shape[1]), 1 / x.shape[1]
            centred = x
        else:
            self.mean_ = x.mean(axis=0)
            centred = x - self.mean_
            variance = float(np.square(centred).sum(axis=1).mean())
            self.gamma_ = 1 / variance if variance > 0 else 1.0
        with single_thread():
            kernel = self._kernel(centred, centred)
            svc = SVC(C=self.c, kernel="precomputed", max_iter=STEPS * len(y))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                svc.fit(kernel, y)
        self.classes_ = np.asarray(svc.classes_)
        self.support_ = centred[svc.support_]
        self.coefficients_, self.intercepts_ = pairwise(svc)
        self.temperature_ = 1.0
        return self

    def calibrate(self, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        """Choose the temperature of the probabilities on samples that it was not trained on.

        Returns
        -------
        likelihood : float
            Mean logarithm of their labels' probabilities.
        accuracy : float
        """
        decisions, known = self.decision_function(x), np.isin(y, self.classes_)
        self.temperature_, nll = fit_temperature(
            lambda temperature: self._coupled(decisions[known], temperature), y[known]
        )
        predicted = self._coupled(decisions, self.temperature_).argmax(axis=1)
        return -nll, float(np.mean(predicted == y))

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        """Return decisions of shape (n, n_pairs), of pairs of the classes that it saw."""
        with single_thread():
            kernel = self._kernel(x - self.mean_, self.support_)
            return kernel @ self.coefficients_.T + self.intercepts_

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities of shape (n, n_classes); the largest decides."""
        return self._coupled(self.decision_function(x), self.temperature_)

    def _coupled(self, decisions: np.ndarray, temperature: float) -> np.ndarray:
        return coupled(decisions, self.classes_, self.n_classes, temperature)

    def state(self) -> dict[str, np.ndarray]:
        """Return the fitted state as arrays."""
        names = ("classes", "support", "coefficients", "intercepts", "mean", "gamma", "temperature")
        settings = {name: np.asarray(getattr(self, name)) for name in ("c", "degree", "kernel")}
        return settings | {name: np.asarray(getattr(self, f"{name}_")) for name in names}

    @classmethod
    def restored(cls, n_classes: int, state: Mapping[str, np.ndarray]) -> "PolynomialSVM":
        """Return the SVM whose `state` this is."""
        fitted = dict(state)
        kernel = str(fitted.pop("kernel"))
        c, degree = float(fitted.pop("c")), int(fitted.pop("degree"))
        svm = cls(n_classes, c=c, degree=degree, kernel=kernel)
        for name, values in fitted.items():
            setattr(svm, f"{name}_", values if values.ndim else float(values))
        return svm

    def _kernel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        coef0 = 0.0 if self.kernel == "libsvm" else 1.0
        return (self.gamma_ * (a @ b.T) + coef0) ** self.degree


def fit_svm(
    n_classes: int,
    c: Sequence[float],
    degree: Sequence[int],
    learned: Labelled,
    held_out: Labelled,
    kernel: str = "scaled",
) -> PolynomialSVM:
    """Train an SVM of the settings that do best on samples that it was not trained on.

    Parameters
    ----------
    n_classes : int
    c, degree : sequences
        Candidates, compared by the labels' likelihood, then by accuracy. The first ones win where
        others are no better, and where no sample is held out.
    learned, held_out : pairs of arrays of shape (n, d) and (n,)
        Samples and their codes.
    kernel
        See `PolynomialSVM`.

    Returns
    -------
    PolynomialSVM
        Calibrated on the samples held out, if any.
    """
    candidates = [
        PolynomialSVM(n_classes, c=one, degree=d, kernel=kernel) for one, d in product(c, degree)
    ]
    if not len(held_out[1]):
        return candidates[0].fit(*learned)
    return max(candidates, key=lambda svm: svm.fit(*learned).calibrate(*held_out))


def fit_by_subjects(
    n_classes: int,
    c: Sequence[float],
    degree: Sequence[int],
    learned: Labelled,
    subject: np.ndarray,
    n_folds: int,
    kernel: str = "scaled",
) -> PolynomialSVM:
    """Train an SVM of the settings that name most emotions of subjects it was not trained on.

    Each sample is learned from in all divisions of the subjects but one, which judges by it. What
    made the features has learned from all of them, so that the accuracy flatters; the settings are
    compared all the same.

    Parameters
    ----------
    n_classes, c, degree
        As of `fit_svm`; the first ones win where others are no better.
    learned : pair of arrays of shape (n, d) and (n,)
        Samples and their codes.
    subject : str array of shape (n,)
    n_folds : int
        Divisions, no more than there are subjects; with 1 the first settings are taken.
    kernel
        See `PolynomialSVM`.

    Returns
    -------
    PolynomialSVM
        Not calibrated.
    """
    (x, y), settings = learned, list(product(c, degree))
    n = min(n_folds, len(np.unique(subject)), int(np.bincount(y).max()))
    right = np.zeros(len(settings), int)
    if n > 1 and len(settings) > 1:
        # The seed is no parameter: it decides nothing but who judges together.
        dealer = StratifiedGroupKFold(n, shuffle=True, random_state=0)
        for rows, judged in dealer.split(x, y, subject):
            if len(np.unique(y[rows])) < 2:
                continue
            for k, (one, d) in enumerate(settings):
                svm = PolynomialSVM(n_classes, c=one, degree=d, kernel=kernel)
                svm.fit(x[rows], y[rows])
                right[k] += (svm.predict_proba(x[judged]).argmax(axis=1) == y[judged]).sum()
    best_c, best_degree = settings[int(right.argmax())]
    return PolynomialSVM(n_classes, c=best_c, degree=best_degree, kernel=kernel).fit(x, y)
