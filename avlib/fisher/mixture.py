"""The Gaussian mixture behind a Fisher vector, and how it is fitted."""

from typing import NamedTuple

import numpy as np
from sklearn.mixture import GaussianMixture

# Variance added to every component in every dimension, in units of the standardised descriptors.
# openSMILE's pitch, jitter and shimmer are exactly zero wherever there is no voice: without it,
# components shrink onto these points and their gradients explode.
VARIANCE_FLOOR = 1e-2
# Nats per descriptor that an iteration must gain; a tenth of it takes three times as long for
# 0.1 of about 50.
TOLERANCE = 1e-2
MAX_ITERATIONS = 100


class Mixture(NamedTuple):
    """A mixture of K Gaussians with diagonal covariances in D dimensions.

    Attributes
    ----------
    weights : array of shape (K,)
        Positive, sum to one.
    means : array of shape (K, D)
    variances : array of shape (K, D)
        Positive.
    """

    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray


def fit_mixture(descriptors: np.ndarray, n_components: int, seed: int) -> Mixture:
    """Fit a mixture by expectation maximisation from a k-means start, in float64.

    Parameters
    ----------
    descriptors : array of shape (n, D)
        Standardised, n >= n_components.
    n_components : int
    seed : int
        Of the k-means start; expectation maximisation itself draws nothing.
    """
    model = GaussianMixture(
        n_components,
        covariance_type="diag",
        reg_covar=VARIANCE_FLOOR,
        tol=TOLERANCE,
        max_iter=MAX_ITERATIONS,
        random_state=seed,
    )
    model.fit(np.asarray(descriptors, dtype=np.float64))
    return Mixture(model.weights_, model.means_, model.covariances_)
